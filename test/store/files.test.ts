// Files: whole or not at all, whatever step fails, and errors in words.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ErrorCode, FileError } from '../../src/errors.ts'
import { files, filesOver, temporary } from '../../src/files/files.ts'
import { tempDir, within } from '../support/temp.ts'
import { PowerDisk } from './support/power.ts'
import { failing, systemError, watched } from './support/steps.ts'

const octets = (text: string) => new TextEncoder().encode(text)
const content = (path: string) => readFileSync(path, 'utf8')

/** The FileError that `work` ends with. */
async function failure(work: Promise<unknown>): Promise<FileError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.instance(error, FileError)
  return error as FileError
}

test('what is written is read, private, and alone in its folder', async () => {
  const folder = join(tempDir(), 'a', 'b')
  const path = join(folder, 'f')
  await files.makeFolder(folder)
  assert.is(statSync(folder).mode & 0o777, 0o700)
  assert.is(await files.read(path, 10), undefined)
  await files.writeAtomic(path, octets('one'))
  await files.writeAtomic(path, octets('two'))
  assert.equal(await files.read(path, 3), octets('two'))
  assert.is(statSync(path).mode & 0o777, 0o600)
  assert.equal(await files.list(folder), ['f'])
  assert.is(await files.exists(path), true)
  assert.is(await files.remove(path), true)
  assert.is(await files.remove(path), false)
  assert.is(await files.exists(path), false)
  assert.equal(await files.list(join(folder, 'none')), [])
})

test('a write is flushed before it takes the name, and its name after', async () => {
  const path = join(tempDir(), 'f')
  const steps: string[] = []
  await filesOver(watched((step) => steps.push(step))).writeAtomic(path, octets('x'))
  assert.equal(steps, ['unlink', 'openNew', 'write', 'sync', 'close', 'rename', 'syncFolder'])
})

test('a file that is made is whole, private, and the first one stays', async () => {
  const folder = tempDir()
  const path = join(folder, 'f')
  const steps: string[] = []
  const made = await filesOver(watched((step) => steps.push(step))).create(path, octets('one'))
  assert.is(made, true)
  assert.equal(steps, ['unlink', 'openNew', 'write', 'sync', 'close', 'link', 'unlink', 'syncFolder'])
  assert.is(await files.create(path, octets('two')), false)
  assert.is(content(path), 'one')
  assert.is(statSync(path).mode & 0o777, 0o600)
  assert.equal(readdirSync(folder), ['f'])
})

test('of many that make a file at once, one succeeds, and it is whole', async () => {
  const folder = tempDir()
  const path = join(folder, 'f')
  const texts = Array.from({ length: 20 }, (_, index) => `${index}`.repeat(1000))
  const made = await Promise.all(texts.map((text) => files.create(path, octets(text))))
  assert.equal(
    made.flatMap((one, index) => (one ? [texts[index]] : [])),
    [content(path)],
  )
  assert.equal(readdirSync(folder), ['f'])
})

test('disk full while a file is made: there is none, or it is whole', async () => {
  for (let at = 0; ; at++) {
    const folder = tempDir()
    const path = join(folder, 'f')
    const fault = failing(at, 'ENOSPC', false)
    const made = await filesOver(watched(fault.watch))
      .create(path, octets('new'))
      .catch((error: unknown) => error)
    if (!fault.reached()) break
    // The name beside it may stay where it cannot be removed, and that is no fault of the file.
    const whole = made === true || (made as FileError).message.includes('was replaced')
    assert.is(made === true || (made as FileError).code, made === true || 'ERR_DISK_FULL')
    const found = readdirSync(folder).filter((name) => !name.endsWith('-tmp'))
    assert.equal(found, whole ? ['f'] : [], `step ${at}`)
    if (whole) assert.is(content(path), 'new')
  }
})

test('loss of power while a file is made: none or whole, and there once it was confirmed', async () => {
  for (let at = 0; ; at++) {
    const disk = new PowerDisk()
    const fault = failing(at, 'EIO', true)
    await filesOver(watched(fault.watch, disk.steps))
      .create('/d/f', octets('new'))
      .catch(() => undefined)
    const found = [...disk.afterLoss('/d/f')].map((one) => one && Buffer.from(one).toString())
    for (const one of found) assert.ok(one === undefined || one === 'new', `step ${at}: ${one}`)
    if (!fault.reached()) {
      assert.equal(found, ['new'])
      break
    }
  }
})

test('a new folder is flushed into each folder above it that was made', async () => {
  const base = tempDir()
  const flushed: string[] = []
  const watching = watched((step, path) => step === 'syncFolder' && flushed.push(path))
  await filesOver(watching).makeFolder(join(base, 'a', 'b'))
  assert.equal(flushed, [join(base, 'a'), base])
})

test('a folder where there can be none is an error, and no endless try', async () => {
  const error = await failure(within(files.makeFolder('/proc/nobody/x/y'), 120_000, 'makeFolder'))
  assert.is((error.cause as { code?: string }).code, 'ENOENT')
  const file = join(tempDir(), 'f')
  writeFileSync(file, '')
  assert.is(((await failure(files.makeFolder(file))).cause as { code?: string }).code, 'EEXIST')
  assert.is(((await failure(files.makeFolder(join(file, 'x')))).cause as { code?: string }).code, 'ENOTDIR')
})

test('disk full at each step: the earlier content stays, nothing is left beside it', async () => {
  let at = 0
  for (; ; at++) {
    const folder = tempDir()
    const path = join(folder, 'f')
    await files.writeAtomic(path, octets('old'))
    const fault = failing(at, 'ENOSPC', false)
    const work = filesOver(watched(fault.watch)).writeAtomic(path, octets('new'))
    const error = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    if (!fault.reached()) break
    assert.instance(error, FileError)
    assert.is((error as FileError).code, 'ERR_DISK_FULL')
    assert.is((error as FileError).path, path)
    // The last step is the flush of the folder: by then the new content is there, and the error says so.
    const replaced = (error as FileError).message.includes('was replaced')
    assert.is(content(path), replaced ? 'new' : 'old', `step ${at}`)
    assert.equal(readdirSync(folder), ['f'], `step ${at}`)
  }
  assert.is(at, 7)
})

test('death at each step: old or new, and the next write works', async () => {
  for (let at = 0; ; at++) {
    const path = join(tempDir(), 'f')
    await files.writeAtomic(path, octets('old'))
    const fault = failing(at, 'EIO', true)
    await filesOver(watched(fault.watch))
      .writeAtomic(path, octets('new'))
      .catch(() => undefined)
    if (!fault.reached()) break
    assert.is(content(path), at < 6 ? 'old' : 'new', `step ${at}`)
    await files.writeAtomic(path, octets('next'))
    assert.is(content(path), 'next')
    assert.is(await files.exists(temporary(path)), false)
  }
})

test('loss of power at each step: old or new, and new once it was confirmed', async () => {
  const text = (found: Uint8Array | undefined) => found && Buffer.from(found).toString()
  for (let at = 0; ; at++) {
    const disk = new PowerDisk()
    await filesOver(disk.steps).writeAtomic('/d/f', octets('old'))
    const fault = failing(at, 'EIO', true)
    await filesOver(watched(fault.watch, disk.steps))
      .writeAtomic('/d/f', octets('new'))
      .catch(() => undefined)
    const found = new Set([...disk.afterLoss('/d/f')].map(text))
    for (const one of found) assert.ok(one === 'old' || one === 'new', `step ${at}: ${one}`)
    if (fault.reached()) continue
    assert.equal([...found], ['new'])
    await filesOver(disk.steps).remove('/d/f')
    assert.equal([...disk.afterLoss('/d/f')], [undefined])
    break
  }
})

test('the model of the disk has teeth: without a flush before the rename, content is lost', async () => {
  const disk = new PowerDisk()
  const lazy = {
    ...disk.steps,
    openNew: async (path: string) => ({ ...(await disk.steps.openNew(path)), sync: async () => undefined }),
  }
  await filesOver(lazy).writeAtomic('/d/f', octets('new'))
  assert.ok([...disk.afterLoss('/d/f')].some((found) => found?.length === 0))
})

test('a symbolic link where the new content goes is removed, and what it leads to is untouched', async () => {
  const folder = tempDir()
  const path = join(folder, 'f')
  writeFileSync(join(folder, 'victim'), 'mine')
  symlinkSync(join(folder, 'victim'), temporary(path))
  await files.writeAtomic(path, octets('new'))
  assert.is(content(join(folder, 'victim')), 'mine')
  assert.equal(readdirSync(folder), ['f', 'victim'])
})

test('a folder where the new content goes is an error in words', async () => {
  const path = join(tempDir(), 'f')
  writeFileSync(path, 'old')
  mkdirSync(temporary(path))
  assert.is((await failure(files.writeAtomic(path, octets('new')))).code, 'ERR_IO')
  assert.is(content(path), 'old')
})

test('only regular files of a sensible size are read, and a pipe does not hang', async () => {
  const folder = tempDir()
  const at = (name: string) => join(folder, name)
  execFileSync('mkfifo', [at('pipe')])
  mkdirSync(at('folder'))
  writeFileSync(at('big'), 'x'.repeat(11))
  symlinkSync(at('big'), at('link'))
  assert.is((await failure(files.read(at('pipe'), 10))).code, 'ERR_IO')
  assert.is((await failure(files.read(at('folder'), 10))).code, 'ERR_IO')
  assert.is((await failure(files.read(at('big'), 10))).code, 'ERR_CARD_FILE')
  assert.match((await failure(files.read(at('link'), 20))).message, 'symbolic link')
  assert.is((await failure(files.read(join(at('big'), 'x'), 10))).code, 'ERR_IO')
  assert.is((await failure(files.list(at('big')))).code, 'ERR_IO')
})

const codes: ReadonlyArray<readonly [errno: string, write: ErrorCode, read: ErrorCode]> = [
  ['ENOSPC', 'ERR_DISK_FULL', 'ERR_DISK_FULL'],
  ['EDQUOT', 'ERR_DISK_FULL', 'ERR_DISK_FULL'],
  ['EFBIG', 'ERR_DISK_FULL', 'ERR_DISK_FULL'],
  ['EACCES', 'ERR_CARD_READ_ONLY', 'ERR_IO'],
  ['EPERM', 'ERR_CARD_READ_ONLY', 'ERR_IO'],
  ['EROFS', 'ERR_CARD_READ_ONLY', 'ERR_IO'],
  ['EIO', 'ERR_IO', 'ERR_IO'],
  ['EMFILE', 'ERR_IO', 'ERR_IO'],
]
for (const [errno, write, read] of codes) {
  test(`${errno} has its code, and says what, why and what to do`, async () => {
    const broken = filesOver(
      watched(() => {
        throw systemError(errno)
      }),
    )
    const expected: ReadonlyArray<readonly [Promise<unknown>, ErrorCode]> = [
      [broken.writeAtomic('/x/f', octets('x')), write],
      [broken.create('/x/f', octets('x')), write],
      [broken.remove('/x/f'), write],
      [broken.makeFolder('/x/f'), write],
      [broken.read('/x/f', 9), read],
      [broken.list('/x/f'), read],
      [broken.exists('/x/f'), read],
    ]
    for (const [work, code] of expected) {
      const error = await failure(work)
      assert.is(error.code, code)
      assert.is(error.path, '/x/f')
      assert.match(error.message, /^\/x\/f .+: .+ .+\. .+\.$/)
      assert.is((error.cause as { code?: string }).code, errno)
    }
  })
}

test.run()
