import { Directory } from '../../lab-ca/directory.ts'
import { putUser } from '../../lab-ca/users.ts'
import { confirm, given, type Run } from '../context.ts'
import { caDirectory } from '../lab-ca.ts'
import { TEXT } from '../messages.ts'

export const run: Run = async (context, user) => {
  const { options, out, secrets } = context
  const directory = new Directory(caDirectory(context))
  await directory.make()
  if ((await directory.userNames()).includes(user)) await confirm(context, TEXT.confirm.replaceUser(user))
  const password = await secrets.takeNew({ what: TEXT.what.password, prompt: TEXT.prompt.password(user) })
  const names = given({ upn: options.upn, email: options.email, sid: options.sid })
  const agent = options.mayBeAgent === true
  const { name, upn, email, sid } = await putUser(directory, { name: user, password, ...names, agent })
  const { userAdded, agentAdded } = TEXT.labCa
  const text = [userAdded(name, upn), ...(agent ? [agentAdded(name)] : [])].join('\n')
  await out.done({ name, upn, email, sid: sid ?? null, agent }, text)
}
