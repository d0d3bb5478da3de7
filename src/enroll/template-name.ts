// Names of templates of a CA.

export const isTemplateName = (name: string): boolean => /^[\w .()-]{1,64}$/.test(name)
