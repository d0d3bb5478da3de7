/** Where each assertion about the card edge comes from. SP 800-73-5 part 2 is "part 2". */
const SOURCES: ReadonlyArray<readonly [last: number, source: string]> = [
  [7, 'SP 800-73-5 part 2, 3.1.1'],
  [12, 'SP 800-73-5 part 1, 3.1 and 3.3, appendix A'],
  [14, 'SP 800-73-5 part 1, 3.1; SP 800-78-5, 3.1'],
  [17, 'SP 800-73-5 part 2, 3.1.2'],
  [20, 'SP 800-73-5 part 1, table 2'],
  [22, 'SP 800-73-5 part 2, 3.1.2; ISO/IEC 7816-4, 11.4'],
  [23, 'SP 800-73-5 part 1, 3.3.3'],
  [33, 'SP 800-73-5 part 2, 3.2.1'],
  [38, 'SP 800-73-5 part 2, 3.2.3'],
  [42, 'SP 800-73-5 part 2, 3.2.2'],
  [48, 'SP 800-73-5 part 2, 3.2.4; part 1, table 5'],
  [54, 'SP 800-73-5 part 2, 3.2.4; SP 800-78-5, table 9'],
  [58, 'SP 800-73-5 part 2, 3.2.4 and appendix A'],
  [60, 'ISO/IEC 7816-4, 5.3.3; SP 800-73-5 part 2, 2.4'],
  [69, 'SP 800-73-5 part 2, 3.3'],
  [74, 'ISO/IEC 7816-4, 5.6; ISO/IEC 7816-3, 12.1.3'],
  [77, 'SP 800-73-5 part 1, tables 2 and 3'],
]

export const sourceOf = (number: number): string => SOURCES.find(([last]) => number <= last)?.[1] ?? ''

export const YUBICO_SOURCE = 'Yubico, PIV commands (docs.yubico.com)'
