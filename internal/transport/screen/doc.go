// Package screen judges a message before it is taken: checks in order, a verdict with reasons.
//
// Laws:
//
//   - A check looks at one thing and says what it found; it changes nothing. A further check is one more file here and one
//     more line in Standard.
//   - Checks run in order. The first refusal ends the screening; findings before it stay in the verdict, for the journey.
//   - Whom we know (a login, a listed network, ourselves) is spared the checks that are about strangers.
//   - A check that cannot do its work now says so with an error, and the message is asked to come again: mail is never
//     lost, and never let in, because a part is broken.
package screen
