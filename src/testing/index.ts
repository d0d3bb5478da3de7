/** `tessera-card/testing`: a TPM, cards, a CA and the doors to them for one test, gone when it ends. */
export { type CardLab, type CardLabOptions, cardLab } from './card-lab.ts'
export type { ChipName } from './chips.ts'
export type { LabCertificateAuthority } from './lab-authority.ts'
export type { LabCard, LabCardOptions, LabCertificate, LabKey } from './lab-card.ts'
