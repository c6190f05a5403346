package rotation

import (
	"fmt"
	"strings"

	"rekey/internal/fault"
	"rekey/rotation/watch"
)

// Text is the problem as one line for people.
func (p Problem) Text() string { return p.What + " " + p.Safe + " " + p.Next }

// explain turns a failure into what people need at 3 a.m.: what happened,
// what is safe, what to do. The cause stays in the log.
func explain(r *Rotation, step Step, f *fault.Error) Problem {
	return Problem{Step: step.String(), Reason: string(f.Reason), What: what(r, f), Safe: r.Safe(), Next: next(r, step, f)}
}

// what is the closed set of sentences for what happened.
func what(r *Rotation, f *fault.Error) string {
	sentence := whatHappened[f.Reason]
	if f.Foreign {
		sentence = "something in between refused the request, and not the other side: the answer was a page for people, or not in its form"
	}
	if sentence == "" {
		sentence = whatHappened[fault.Unexplained]
	}
	text := fmt.Sprintf("While %s: %s", f.Op, sentence)
	if f.Status != 0 {
		text += fmt.Sprintf(" (status %d)", f.Status)
	}
	if f.Detail != "" {
		text += " (" + f.Detail + ")"
	}
	return text + "."
}

var whatHappened = map[fault.Reason]string{
	fault.Unexplained:     "something unexpected happened; the log of Rekey has the cause",
	fault.Unauthorized:    "the credential Rekey asked with was refused",
	fault.Forbidden:       "the credential Rekey asked with lacks a right",
	fault.NotFound:        "what was asked for does not exist",
	fault.Conflict:        "the other side reports a conflict",
	fault.Invalid:         "the other side called the request invalid",
	fault.RateLimited:     "the other side asked to slow down",
	fault.ServerError:     "the other side has an error of its own",
	fault.Unreachable:     "the other side could not be reached",
	fault.TimedOut:        "no answer came in time",
	fault.Interrupted:     "Rekey itself was interrupted",
	fault.Garbled:         "the answer was not what the documentation promises",
	fault.TooLarge:        "the answer was too large to be read",
	fault.HeldForApproval: "the vault holds the write for approval",
	fault.ChangedByOther:  "somebody else changed it in between",
	fault.NotWritten:      "the write does not show in the vault",
	fault.Unsettled:       "it is not known what became of a write",
	fault.Managed:         "the value is managed elsewhere and must not be overwritten",
	fault.Ambiguous:       "it could not be told with certainty",
	fault.Unanswered:      "nobody did what was asked in time",
	fault.Unsupported:     "this version cannot do that",
	fault.Failing:         "the application is failing",
	fault.CannotMeasure:   "it could not be measured",
	fault.Unproved:        "the proof was not given",
	fault.StillAlive:      "the old credential is still accepted",
	fault.TooLate:         "there is not enough time left",
}

// Safe says which credentials live, in one or two sentences for people. Every
// place that speaks of a rotation says it in these words.
func (r *Rotation) Safe() string {
	if r.Cell.Mode == Rollback {
		return r.safeBack()
	}
	if r.onAWord(Production) {
		return notMeasured.Replace(r.safeForward())
	}
	return r.safeForward()
}

// safeForward says it on the way to a new credential.
func (r *Rotation) safeForward() string {
	switch {
	case r.State == Succeeded:
		return "The old key is dead. The application runs on the new one."
	case r.Cell.Ahead():
		return r.safeAhead()
	case r.Cell.RevokeFirst:
		return r.safeRevoked()
	case r.SwitchedOff():
		return "The old key is switched off and not deleted: it can be switched on again. Rekey wrote the new key to " + r.every() + "."
	case r.OldDead(), !r.Dies().IsZero():
		return r.fallen() + r.inItsPlace()
	case len(r.Ends) > 0 && r.oneDead() != "":
		return "The old key of " + r.oneDead() + " is dead; that of the other environment is not proved dead. Rekey wrote the new keys."
	case len(r.Ends) > 0:
		return "The end of the old key was requested; the new key is in use."
	case r.OldRefused() != "":
		return "Rekey revoked nothing, yet the service refuses the old key already (" + r.OldRefused() + "): it was ended by other means. Rekey wrote the new key to " + r.every() + "."
	case r.Wrote(r.front()) && r.Proofs[r.front()].Kind != "":
		return r.Lives() + " Nothing was revoked. " + title(r.front()) + " was proved to run on the new key."
	case r.Wrote(r.front()):
		return r.Lives() + " Nothing was revoked. Rekey wrote the new key to " + r.every() + "."
	default:
		return r.Lives() + " " + changed(r) + stray(r)
	}
}

// changed says how far the vault was changed, before production holds the new
// credential for certain.
func changed(r *Rotation) string {
	var unsure string
	for _, env := range r.environments() {
		switch p := r.Places[env]; {
		case r.Wrote(env):
		case !p.HeldSince.IsZero():
			unsure += " In " + env + " a write of the new key waits in the vault to be merged."
		case p.New.ID != "":
			unsure += " A write of the new key to " + env + " was not confirmed: the vault may hold it there."
		}
	}
	switch {
	case unsure != "" && r.Wrote(Staging):
		return "Nothing was revoked. Staging holds the new key." + unsure
	case unsure != "":
		return "Nothing was revoked." + unsure
	case r.Wrote(Staging):
		return "Nothing was revoked. Production was not touched; staging holds the new key."
	case r.Issues > 0:
		return "Nothing was revoked. No environment was changed."
	default:
		return "Nothing was changed."
	}
}

// stray names what an attempt to create a credential may have left.
func stray(r *Rotation) string {
	if r.State.Final() {
		return unseen(r)
	}
	if s, ok := r.Step(); !ok || s.Act != Issue || !r.Begun {
		return ""
	}
	if r.Traits.Guided {
		return ""
	}
	return " A new key labelled " + labelPrefix(r) + "* may exist at the service, and is removed or reported before another one is made."
}

// unseen names the keys whose creation was never answered and which the service
// never listed: what is known of them when a rotation is over.
func unseen(r *Rotation) string {
	if len(r.Loose) == 0 {
		return ""
	}
	if r.Traits.Unnamed {
		return r.unnamed()
	}
	return " The creation of " + strings.Join(sortedKeys(r.Loose), ", ") + " was never answered, and " + r.Traits.Service +
		" does not list it. Should it appear there, delete it: nothing uses it."
}

// oneDead is the environment whose old credential is proved dead while the
// other's is not.
func (r *Rotation) oneDead() string {
	for env, e := range r.Ends {
		if env != "" && !e.Dead.IsZero() {
			return env
		}
	}
	return ""
}

// next says who has to do what.
func next(r *Rotation, step Step, f *fault.Error) string {
	retry := "`/rotate retry " + r.Secret + "` goes on from here; `/rotate cancel " + r.Secret + "` stops."
	switch {
	case r.Cell.Mode == Rollback:
		return nextBack(r, f)
	case f.Reason == fault.ChangedByOther && step.Act == Preflight:
		return "The plan no longer fits what is there: `/rotate cancel " + r.Secret + "`, then start again."
	case f.Foreign:
		return "Look at what stands between Rekey and the other side, such as a proxy or a login page, then " + retry
	case f.Reason == fault.Unauthorized, f.Reason == fault.Forbidden:
		return "Mend the credential or its rights, then " + retry
	case f.Reason == fault.Unanswered:
		return "`/rotate retry " + r.Secret + "` asks once more; `/rotate cancel " + r.Secret + "` stops."
	case f.Reason == fault.HeldForApproval:
		return "Merge the request in the vault."
	default:
		return "Look into it, then " + retry
	}
}

// spoken puts a watch's finding into words.
func spoken(f watch.Finding) string {
	sentence := findingSays[f.Reason]
	if sentence == "" {
		sentence = string(f.Reason)
	}
	text := sentence
	if f.Check != "" {
		text = f.Check + ": " + text
	}
	if f.Want != 0 || f.Got != 0 {
		text += fmt.Sprintf(" (%.4g, limit %.4g)", f.Got, f.Want)
	}
	if f.Detail != "" {
		text += ": " + f.Detail
	}
	return text + "."
}

var findingSays = map[watch.Reason]string{
	watch.HardSignature:   "this credential's own error was seen",
	watch.TooManyBad:      "more bad measurements than allowed",
	watch.FinalBad:        "the whole window, looked at once more, is bad",
	watch.NothingRequired: "no required check is configured",
	watch.LowCoverage:     "too few measurements were answered",
	watch.ErrorsInARow:    "the source did not answer up to the end",
	watch.FinalUnanswered: "the last look at the whole window was not answered",
	watch.TooMuchSilence:  "the source answered and had nothing to judge; silence is not health",
	watch.TooFewGood:      "too few good measurements",
	watch.TooFewRequests:  "nobody is known to have used the application meanwhile",
}
