// Package rotation is the procedure: how a credential is replaced without
// downtime, and what must be true before the old one may end.
//
// # A rotation is a plan and a cursor
//
// [PlanFor] turns a [Cell] (mode, shape, shared or not …) into ordered steps.
// [Engine] executes any plan the same way: it claims the rotation's lease,
// writes the intent of the step at the cursor into the journal, acts, and
// writes the outcome; then the next step, until one has to wait. Where a step
// follows at once, its intent is written together with the outcome of the one
// before, in one commit. A waiting rotation holds no lease and costs nothing; a
// timer or a person wakes it.
//
// # What may run twice
//
// Any step may be entered again after a crash, on any replica, with its intent
// in the journal and its effect made, not made, or half made. Therefore every
// act looks before it acts:
//
//   - issue lists by label; a credential of ours that reached no environment is
//     deleted before another one is made. One whose write may still come is not:
//     that takes a person's word
//   - issue by way of a person asks once, waits without a lease, writes the
//     same value again where a write left no trace, and empties the inbox last
//   - make knows its own write by the fingerprint noted before it; import asks
//     for our own id first; activate asks which key is in use
//   - issue where that kills the old one notes first that it was asked for, and
//     never asks twice: what the service holds is read back, or the person knows
//   - write reads back: the value may be there already
//   - deploy sends the same request id again
//   - approve edits or repeats a card; only the card in the record counts
//   - end takes an explicit id and may be repeated with it
//   - end by way of a person asks again while the old credential lives: asking
//     twice ends nothing twice
//
// Reading steps (prove, watch, hold, confirm dead) simply run again.
//
// # What never happens by itself
//
// Ending the old credential. It needs a card that carries the hash of the
// plan and of the evidence, marks on it that stand at their own source at the
// moment of the act, the vault still showing the new value in every
// environment, and a fresh life certificate.
//
// Where issuing kills the old credential (cutover, grace) the same holds before
// issuing, with the old values: the card states the outage. There is no way back
// from there. The application's work, where it can be held, goes on in every
// state in which people are waited for; seeing to that, and calling people before
// an old credential dies too early, is what a resting rotation has left to do.
//
// # An emergency in the middle
//
// An emergency of a secret whose rotation is open takes that over, in its record:
// there is never a second one beside it. What was made is used where an environment
// holds it. Where issuing kills the old credential and that was asked for already,
// the running rotation itself goes on as the emergency, and asks for nothing twice.
// Production goes first; what was begun in staging is gone on with behind it.
//
// # Several at once
//
// A [Batch] is an emergency of several secrets: one record that lists rotations,
// each an ordinary emergency. It begins them in their order, one after the other
// within a service and side by side across them, as many at once as a replica
// drives, and changes nothing else. The id of a rotation is in the batch before
// the rotation exists, so that whoever goes on after a crash begins it once.
//
// # What is due
//
// [Engine.Overview] tells the age of every secret. [Engine.Announce] makes a
// digest of it for one tick of a calendar that somebody else keeps: the last
// tick told, the digest and what people have snoozed are one more record, the
// calendar, beside the rotations. Announcing a tick twice tells it once, on
// any number of replicas.
//
// The package knows contracts only: no Slack, no Redis, no HTTP.
package rotation
