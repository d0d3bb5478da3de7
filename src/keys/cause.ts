// Why the card refused, as the `cause` of the error that Node makes of it. Node makes its error in C++, out of OpenSSL's
// texts, and sets `opensslErrorStack` on it; nothing else lets anybody see that error before its receiver does. So, while a
// refusal is on its way, a setter of that name looks for the number of the request in it.
const NAME = 'opensslErrorStack'
/** How long a refusal may be on its way: it may also have gone to another thread, and never come by here. */
const LONGEST_MS = 60_000
/** native/provider/errors.cc. */
const FIRST = 1000
const REQUESTS = 200_000

const refusals = new Map<number, { readonly error: unknown; readonly timer: NodeJS.Timeout }>()

/** Node's error about the request with that number gets `error` as its cause, in this thread. */
export function willBeCause(request: number, error: unknown): void {
  const reason = FIRST + (request % REQUESTS)
  forget(reason)
  const timer = setTimeout(() => forget(reason), LONGEST_MS).unref()
  refusals.set(reason, { error, timer })
  if (refusals.size === 1) watch()
}

function forget(reason: number): void {
  const refusal = refusals.get(reason)
  if (refusal === undefined) return
  clearTimeout(refusal.timer)
  refusals.delete(reason)
  if (refusals.size === 0) Reflect.deleteProperty(Error.prototype, NAME)
}

/** Where the prototype is frozen (--frozen-intrinsics), there is no cause. */
function watch(): void {
  Reflect.defineProperty(Error.prototype, NAME, {
    configurable: true,
    set(this: Error, value: unknown) {
      // What an assignment does without a setter.
      Reflect.defineProperty(this, NAME, { value, writable: true, enumerable: true, configurable: true })
      if (Array.isArray(value)) for (const text of value) addCause(this, text)
    },
  })
}

function addCause(error: Error, text: unknown): void {
  const reason = Number(/^error:[0-9A-F]+:tessera::reason\((\d+)\)$/.exec(String(text))?.[1])
  const refusal = refusals.get(reason)
  if (refusal === undefined) return
  Reflect.defineProperty(error, 'cause', { value: refusal.error, writable: true, configurable: true })
  forget(reason)
}
