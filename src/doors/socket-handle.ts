// Connections whose octets pass through one buffer of ours: Node would leave copies of what was read, PINs too, in memory
// that nobody can overwrite.
import { type OnReadOpts, Socket } from 'node:net'

/** The handle under a socket of Node, which is not documented. */
interface Underneath {
  _handle: { readonly fd?: number } | null
}

/** Takes over a connection accepted with `pauseOnConnect`, from which nothing was read yet. */
export function adopt(accepted: Socket, onread: OnReadOpts): Socket {
  const under = accepted as unknown as Underneath
  const handle = under._handle
  under._handle = null
  accepted.destroy()
  return new Socket({ handle, onread } as object)
}

/** The descriptor of a connection; undefined where it has none any more. */
export function descriptorOf(socket: Socket): number | undefined {
  const fd = (socket as unknown as Underneath)._handle?.fd
  return fd !== undefined && fd >= 0 ? fd : undefined
}
