// What becomes of e-mails: the events that a service would have to tell, in the order in which they happen.
import { randomBytes } from 'node:crypto';

const newId = (prefix) => `${prefix}_${randomBytes(6).toString('hex')}`;
const pick = (items) => items[Math.floor(Math.random() * items.length)];

const PEOPLE = [
  'ada@example.org',
  'grace@example.net',
  'alan@example.com',
  'edsger@example.edu',
  'barbara@example.org',
];
const SUBJECTS = ['Your order is on its way', 'Your invoice', 'Welcome', 'Reset your password'];
const DOMAIN = newId('dom');

const reply = (code, enhanced_code, message) => ({ code, enhanced_code, message, mx_host: 'mx1.example.org' });
const client = () => ({
  ip_address: `192.0.2.${1 + Math.floor(Math.random() * 254)}`,
  user_agent: pick(['Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5)', 'GoogleImageProxy']),
  is_bot: Math.random() < 0.3,
});

/** One e-mail from beginning to end: a list of [type, data]. */
function lifeOf(email) {
  const [recipient] = email.to;
  const about = { ...email, recipient };
  const delivered = (attempts) => ['email.delivered', { ...about, reply: reply(250, '2.0.0', 'OK queued'), attempts }];
  const loaded = ['email.loaded', { ...about, is_first: true, client: client() }];
  const suppressed = (reason) => [
    'suppression.created',
    { suppression_id: newId('sup'), email: recipient, reason, email_id: email.email_id, created_at: now() },
  ];
  const ends = [
    { weight: 5, events: [delivered(1)] },
    { weight: 4, events: [delivered(1), loaded] },
    {
      weight: 3,
      events: [
        delivered(1),
        loaded,
        [
          'email.clicked',
          { ...about, link: { url: 'https://shop.example.com/orders/10027', position: 1 }, client: client() },
        ],
      ],
    },
    {
      weight: 2,
      events: [
        [
          'email.attempted',
          {
            ...about,
            attempt: 1,
            reply: reply(451, '4.7.1', 'Greylisted, try again later'),
            next_attempt_at: now(300),
          },
        ],
        delivered(2),
      ],
    },
    {
      weight: 1,
      events: [
        [
          'email.bounced',
          { ...about, kind: 'permanent', reason: 'no_such_mailbox', reply: reply(550, '5.1.1', 'No such user here') },
        ],
        suppressed('hard_bounce'),
      ],
    },
    {
      weight: 1,
      events: [
        delivered(1),
        ['email.complained', { ...about, feedback_type: 'abuse', provider: 'example.org' }],
        suppressed('complaint'),
      ],
    },
    {
      weight: 1,
      events: [['email.failed', { ...about, reason: 'expired', message: 'not taken in 72 h', attempts: 14 }]],
    },
  ];
  return [['email.accepted', email], ...pick(ends.flatMap(({ weight, events }) => Array(weight).fill(events)))];
}

function now(secondsAhead = 0) {
  return new Date(Date.now() + secondsAhead * 1000).toISOString();
}

/** The events of so many e-mails, as they would mingle: each has an id of its own, made once. */
export function* events(emails) {
  const lives = Array.from({ length: emails }, () =>
    lifeOf({
      email_id: newId('em'),
      message_id: `<${randomBytes(6).toString('hex')}@mail.example.com>`,
      from: 'hello@mail.example.com',
      to: [pick(PEOPLE)],
      subject: pick(SUBJECTS),
      domain_id: DOMAIN,
      template_id: null,
      tags: { campaign: 'example' },
    }),
  );
  while (lives.some((life) => life.length > 0)) {
    const [type, data] = pick(lives.filter((life) => life.length > 0)).shift();
    yield { id: newId('evn'), type, payload: { type, created_at: now(), data } };
  }
}
