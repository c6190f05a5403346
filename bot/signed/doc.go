// Package signed is Rekey's command line: people ask and decide where Slack
// cannot be reached, under the same policy and with the same journal.
//
// # The model
//
// The command line holds no credential of a service or vault. It hands a
// running replica a [Statement]: a short text, the same for every reader, that
// says what somebody wants, and an SSH signature under it. A [Desk] is the
// replica's side. It takes a statement once, while it is fresh, from somebody
// whose key stands in the file of allowed signers and whose name there belongs
// to a person of the workspace: whoever may start, approve or not in Slack may do
// so here.
//
// A decision is stored with its statement and signature, sealed under the
// installation's key, and is looked at again at the moment of the act: by then
// the seal, the signature, the file of allowed signers, and what the request is
// about must all still say the same. A file that cannot be read lets nothing
// stand.
//
// # What may run twice
//
// Reading a decision, and counting a request. A statement is taken once: its
// nonce is remembered until it has run out, on all replicas together. Who got no
// answer looks with `rekey status` before signing another one.
//
// # What is not known here
//
// Members of a Slack user group, and who is still a member of the workspace, can
// be asked of nobody while Slack is away. So whoever stands for a group is named
// in the configuration, and whoever leaves is taken out of the file of allowed
// signers.
package signed
