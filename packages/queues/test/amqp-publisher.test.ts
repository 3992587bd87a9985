import { describe, expect, test } from 'vitest';
import { toAmqp } from '../src/adapters/amqp-message.ts';
import { mayComeLater } from '../src/adapters/amqp-publisher.ts';

const message = (group: string | null) => toAmqp({ body: '', group }, 100);

describe('what RabbitMQ did not take is published once more', () => {
  const [free, a, laterA, b] = [message(null), message('a'), message('a'), message('b')];
  const all = [free, a, laterA, b] as const;

  test('where no group loses its order by that', () => {
    expect(mayComeLater([free], all)).toBe(true);
    expect(mayComeLater([laterA, b], all)).toBe(true);
    expect(mayComeLater([a, laterA], all)).toBe(true);
    expect(mayComeLater(all, all)).toBe(true);
  });

  test('and not where something that was taken has followed it in its group', () => {
    expect(mayComeLater([a], all)).toBe(false);
    expect(mayComeLater([free, a, b], all)).toBe(false);
  });
});
