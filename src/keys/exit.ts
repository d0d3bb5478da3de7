// Node waits for its threads before it ends the process, and no cleanup hook runs before that: threads that wait for a card
// are let go here.
const open = new Set<{ close(): void }>()

function closeAll(): void {
  for (const key of open) key.close()
}

/** Closes the key when the process ends. @returns a function that forgets it */
export function closeAtExit(key: { close(): void }): () => void {
  if (open.size === 0) process.on('exit', closeAll)
  open.add(key)
  return () => {
    open.delete(key)
    if (open.size === 0) process.off('exit', closeAll)
  }
}
