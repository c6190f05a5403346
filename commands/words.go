package commands

import (
	"fmt"
	"strings"
	"time"

	"rekey/rotation"
)

// StepWords says what a step does in a few words, for checklists and dry runs.
func StepWords(s rotation.Step) string { return stepWords(actWords, s) }

// StepIn says it for a step of this rotation: on the way back other words hold.
func StepIn(r *rotation.Rotation, s rotation.Step) string {
	if words := backWords[s.Act]; words != "" && r.Cell.Mode == rotation.Rollback {
		return stepWords(backWords, s)
	}
	if r.Cell.OnlyStaging && s.Environment == "" {
		return strings.Replace(StepWords(s), rotation.Production, rotation.Staging, 1)
	}
	return StepWords(s)
}

var backWords = map[rotation.Act]string{
	rotation.Prove:    "Prove that %s runs on the old key",
	rotation.Activate: "Sign with the old key again in %s",
	rotation.Hold:     "Hold before the new key ends",
}

func stepWords(actWords map[rotation.Act]string, s rotation.Step) string {
	words := actWords[s.Act]
	if words == "" {
		words = string(s.Act)
	}
	if strings.Contains(words, "%s") {
		place := s.Environment
		if place == "" {
			place = "every environment"
		}
		return fmt.Sprintf(words, place)
	}
	if s.Environment != "" {
		return words + " (" + s.Environment + ")"
	}
	return words
}

var actWords = map[rotation.Act]string{
	rotation.Preflight:    "Look first, change nothing",
	rotation.Rehearse:     "Deploy with nothing changed, to measure the gap",
	rotation.Approve:      "People approve",
	rotation.PauseHook:    "Pause the application's work",
	rotation.Issue:        "Issue a new key, verify it, write it to %s",
	rotation.Write:        "Write the new key to %s",
	rotation.Backfill:     "Bring %s along",
	rotation.Make:         "Make a new secret, write it to %s",
	rotation.Sync:         "Vault syncs finished in %s",
	rotation.Import:       "Hand the new key to the service as standby",
	rotation.Activate:     "Activate the new key",
	rotation.Deploy:       "Deploy %s",
	rotation.Prove:        "Prove that %s uses the new key",
	rotation.Watch:        "Watch production",
	rotation.Hold:         "Hold before the end",
	rotation.End:          "End the old key",
	rotation.ConfirmDead:  "Confirm that the old key is dead",
	rotation.WritePrev:    "Retire the old value in %s",
	rotation.WatchAfter:   "Watch production once more",
	rotation.Delete:       "Delete the old key for good",
	rotation.ResumeHook:   "Resume the application's work",
	rotation.DurableProbe: "Probe the old key after its last hour",
	rotation.VaultClosed:  "A person confirms that the vault is closed",
	rotation.Restore:      "Restore the old key in %s",
	rotation.EndNew:       "End the new key",
	rotation.Forward:      "Go forward again before the old key dies",
	rotation.Audit:        "Look at what the leaked key could reach",
	rotation.Report:       "Report",
}

// Situation is where a rotation stands, in the words people get everywhere.
type Situation struct {
	State string // "Waiting for approval"
	Next  string // what happens next and who must act
	Safe  string // which credentials live
}

// Describe puts a rotation's situation into words. It is pure.
func Describe(r *rotation.Rotation) Situation {
	return Situation{State: drilling(r) + StateWords(r), Next: nextWords(r), Safe: safeWords(r)}
}

// drilling marks a rehearsal.
func drilling(r *rotation.Rotation) string {
	if r.Drill {
		return "DRILL: "
	}
	return ""
}

// StateWords names a rotation's state, with the step where one is running.
func StateWords(r *rotation.Rotation) string {
	switch r.State {
	case rotation.Running:
		if s, ok := r.Step(); ok {
			return fmt.Sprintf("Step %d of %d: %s", r.Cursor+1, len(r.Plan), StepIn(r, s))
		}
		return "Finishing"
	case rotation.Asking:
		return "Waiting for approval"
	case rotation.Stuck:
		if r.Dwells() {
			return "Rolled back, on an old key that dies by itself: needs a person"
		}
		return "Stopped: needs a person"
	case rotation.Pending:
		return pendingWords(r)
	case rotation.Succeeded:
		if r.Cell.Mode == rotation.Rollback {
			return "Rolled back"
		}
		return "Done"
	case rotation.Abandoned:
		return "Cancelled"
	default:
		return string(r.State)
	}
}

// pendingWords say what waits to be settled. That both keys live is not so where an
// end was begun, or somebody ended the old one by other means.
func pendingWords(r *rotation.Rotation) string {
	switch {
	case len(r.Ends) > 0:
		return "Revocation pending: the end of the old key was begun and is not finished"
	case r.OldRefused() != "":
		return "Revocation pending: the service refuses the old key already"
	default:
		return "Revocation pending: both keys live"
	}
}

func nextWords(r *rotation.Rotation) string {
	if words := backNext(r); words != "" {
		return words
	}
	switch r.State {
	case rotation.Running:
		return runningNext(r)
	case rotation.Asking:
		if r.Card != nil && r.Card.About == rotation.AboutVault {
			return "An approver says in the thread whether the vault is closed (✅), was not the leak (⚪), or is still open (❌). No new key is made before."
		}
		if r.Cell.RevokeFirst {
			return "An approver decides on the request in the thread: ✅ or Approve ends the old key now and takes the outage, ❌ or Deny keeps it."
		}
		if r.Cell.Ahead() {
			return "An approver decides on the request in the thread: ✅ or Approve has the key replaced, ❌ or Deny keeps it."
		}
		return "An approver decides on the request in the thread: ✅ or Approve ends the old key, ❌ or Deny keeps it."
	case rotation.Stuck:
		if r.Problem != nil && r.Problem.Next != "" {
			return r.Problem.Next
		}
		return "Look into it, then `/rotate retry " + r.Secret + "` goes on; `/rotate cancel " + r.Secret + "` stops."
	case rotation.Pending:
		return "Somebody types `/rotate retry " + r.Secret + "`: Rekey proves again that the new key is in use and asks for approval again."
	case rotation.Succeeded:
		return "Nobody needs to do anything."
	case rotation.Abandoned:
		return "Nothing was rotated. `/rotate " + r.Secret + "` starts again."
	default:
		return ""
	}
}

// backNext is what follows on the way back to the old key, where that differs.
func backNext(r *rotation.Rotation) string {
	switch {
	case r.Cell.Mode != rotation.Rollback:
		return ""
	case r.State == rotation.Succeeded && r.Back != nil && r.Back.From == rotation.Emergency:
		return "The leaked key is in use and is not contained: `/rotate-emergency " + r.Secret + " what happened` tries again."
	case r.State == rotation.Succeeded:
		return "The secret was not rotated. `/rotate " + r.Secret + "` tries again."
	case r.State == rotation.Running && r.Attempt == 0 && r.Cell.Ahead():
		return "Rekey goes back to the old key by itself, and says until when that one lives. Nobody needs to act now."
	case r.State == rotation.Running && r.Attempt == 0:
		return "Rekey goes back to the old key by itself, and ends the new one last. Nobody needs to act now."
	default:
		return ""
	}
}

// What is next where a person has to act at a console.
const (
	MakeByHand = "Somebody makes the key as the thread says and pastes it into the inbox; Rekey looks there by itself."
	EndByHand  = "Somebody ends the old key as the thread says; Rekey asks the service by itself whether it is dead."
)

// askedBefore reports the plans in which people are asked before the watch.
func askedBefore(r *rotation.Rotation) bool {
	return r.Cell.Ahead() || r.Cell.Mode == rotation.Emergency
}

func runningNext(r *rotation.Rotation) string {
	s, _ := r.Step()
	switch {
	case r.Attempt > 0:
		return "The last attempt failed; Rekey tries again by itself and asks for help if that does not work."
	case r.Errand != nil && s.Act == rotation.Issue:
		return MakeByHand
	case s.Act == rotation.DurableProbe:
		return "The old key dies by itself at its deadline; Rekey proves it afterwards. Nobody needs to act now."
	case !r.Dies().IsZero() && !r.OldDead():
		return "People keep the old key's holder out until then, as the thread says; Rekey cannot, and proves its death afterwards."
	case s.Act == rotation.Watch && askedBefore(r):
		return "Rekey waits and measures. Nobody needs to act now."
	case s.Act == rotation.Watch || s.Act == rotation.Hold:
		return "Rekey waits and measures; after that it asks the approvers. Nobody needs to act now."
	case r.Traits.EndByHand && (s.Act == rotation.End || s.Act == rotation.ConfirmDead):
		return EndByHand
	default:
		return "Rekey goes on by itself. Nobody needs to act now."
	}
}

// safeWords are the record's own, or those of what stopped it.
func safeWords(r *rotation.Rotation) string {
	if r.State == rotation.Stuck && r.Problem != nil && r.Problem.Safe != "" {
		return r.Problem.Safe
	}
	return r.Safe()
}

// days gives a length of time in words a person can say; exact moments travel
// beside it in a [Row].
func days(d time.Duration) string {
	n := int(d / (24 * time.Hour))
	switch {
	case n == 1:
		return "1 day"
	case n > 1:
		return fmt.Sprintf("%d days", n)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d/time.Hour))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", int(d/time.Minute))
	default:
		return "a moment"
	}
}
