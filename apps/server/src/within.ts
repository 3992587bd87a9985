/**
 * What was asked for, or `late()` where it has not come within `ms`. What was asked for goes on then, unheard.
 *
 * @throws what `asked` or `late` throws, whichever comes first.
 */
export async function within<R, L>(ms: number, asked: Promise<R>, late: () => L): Promise<R | L> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  asked.catch(() => {});
  try {
    return await Promise.race([asked, promise.then(late)]);
  } finally {
    clearTimeout(timer);
  }
}
