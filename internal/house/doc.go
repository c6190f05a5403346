// Package house holds the rules of the source tree as tests: who may import
// whom, which outside library belongs to which package, where a secret value
// is laid open, and what a release contains. It has no code of its own and
// nothing imports it.
//
// A rule that stands in the way of a good change is changed here, in the same
// commit, where its reader sees it.
package house
