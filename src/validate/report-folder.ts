/** The folder of a report: report.json, which grows with the run, and report.html and junit.xml at its end. */
import { join } from 'node:path'
import { files } from '../files/files.ts'
import { html } from './html.ts'
import { junit } from './junit.ts'
import { LARGEST, type Report, readReport, writeReport } from './report.ts'

const JSON_NAME = 'report.json'
const jsonIn = (folder: string): string => join(folder, JSON_NAME)

/** The report as far as it is, so that a run that is killed leaves it. @throws FileError */
export async function keepReport(folder: string, report: Report): Promise<void> {
  await files.makeFolder(folder)
  await files.writeAtomic(jsonIn(folder), writeReport(report))
}

/** @throws FileError */
export async function keepWholeReport(folder: string, report: Report): Promise<void> {
  await keepReport(folder, report)
  await files.writeAtomic(join(folder, 'report.html'), Buffer.from(html(report)))
  await files.writeAtomic(join(folder, 'junit.xml'), Buffer.from(junit(report)))
}

/** The report in a folder, if there is one. @throws UsageError ERR_USAGE; FileError */
export async function keptReport(folder: string): Promise<Report | undefined> {
  const path = jsonIn(folder)
  const octets = await files.read(path, LARGEST)
  return octets === undefined ? undefined : readReport(octets, path)
}
