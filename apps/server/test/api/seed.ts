/** Of all that is generated. Another finds other things: POSTRIDER_TEST_SEED=$RANDOM. With the same a failure comes back. */
export const SEED = Number(process.env.POSTRIDER_TEST_SEED ?? 20_261_121);
