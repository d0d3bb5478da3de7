// Cases take turns: whatever the machine does meanwhile hits all of them alike.

/**
 * Asks each of `cases` once a round. Each round begins with another one, so that none always comes after the same.
 * The answers of a case are in the order of the rounds.
 */
export async function inTurns<Case, Answer>(
  cases: readonly Case[],
  rounds: number,
  ask: (one: Case) => Promise<Answer>,
): Promise<Map<Case, Answer[]>> {
  const answers = new Map<Case, Answer[]>(cases.map((one) => [one, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < cases.length; turn += 1) {
      const one = cases[(round + turn) % cases.length]
      if (one !== undefined) answers.get(one)?.push(await ask(one))
    }
  }
  return answers
}
