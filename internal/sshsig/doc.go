// Package sshsig reads signatures that `ssh-keygen -Y sign` made, and the file
// of those whose signatures count.
//
// A [Signature] holds the key it was made with; by itself it says nothing.
// [Signature.Verify] holds it against a message and a namespace, and
// [Signers.Principals] says whose key that is, now. Both are needed, every time,
// and where there is a list of [Revoked] keys, that it is not among them.
//
// The forms are OpenSSH's:
// https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig and
// the section ALLOWED SIGNERS of https://man.openbsd.org/ssh-keygen.1. What is
// understood is less than OpenSSH understands, never more: a line with a
// pattern for a name, or with a certificate authority, names nobody here and is
// reported. Keys are Ed25519, ECDSA, RSA of 2048 bits and more, and FIDO keys of
// the first two kinds, which must have been touched.
package sshsig
