// Package command deploys by running programs of the operator's: one starts a
// deployment, one tells how it is going.
//
// # The contract with the programs
//
// Both are started directly, without a shell, in a process group of their own,
// with an empty standard input and no environment but these variables and
// those that the configuration names to be passed on:
//
//	REKEY_REQUEST_ID    the deployment's id: the same id must never deploy twice
//	REKEY_ENVIRONMENT   staging or production
//	REKEY_REASON        a few words for people (run only)
//	REKEY_SECRETS       the names of the variables that changed, a space between them (run only)
//	REKEY_REQUESTED_BY  whoever asked for the rotation (run only)
//	REKEY_ATTEMPT       a number that grows with each deployment of a rotation (run only)
//	REKEY_REBUILD       true where a value is written into what a build makes, so that a
//	                    restart is not enough and no build's cache may be used; else absent (run only)
//
// Names, never values: carrying values is the vault's work.
//
// The run program starts the deployment and ends; it does not wait for it.
//
//	exit 0    started
//	exit 75   not started, for a reason that passes (EX_TEMPFAIL): it is run again later
//	others    not started as it should be: a person is asked
//
// The status program prints one line and ends with 0:
//
//	<word> [deployment=<name>] [words for people]
//
// The word is none (this id was never started), queued, running, succeeded,
// failed or cancelled. Succeeded means live: traffic reaches the new build.
// Any other exit code, or nothing in time, tells nothing, and it is asked
// again; another word is a state that nobody knows, and does not say that a
// deployment was started.
//
// A program that has not ended in time is told to (SIGTERM to its group), and
// ended a little later (SIGKILL). What it printed is read up to a bound and
// the rest dropped; its last line is shown to people once every value it could
// hold is masked.
//
// # What may run twice
//
// Before the run program is started for an id, the status program is asked
// about it; an id that it knows is not run, and where it cannot say, nothing
// is. So a crash between start and outcome, in this process or in another,
// costs nothing: whoever comes next asks. A run program that was ended, or
// whose process was, is Lost: it may have started the deployment or not, and
// the same question decides. Nothing is remembered here; any replica that can
// run the status program can go on.
package command
