package rotation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rekey/providers"
	"rekey/rotation/event"
)

// wish is what is asked of a plan, beside what a survey finds.
type wish struct {
	mode        Mode
	revokeFirst bool
	staging     bool // staging's own credential alone
}

var routineWish = wish{mode: Routine}

func (o Order) wish() wish {
	if o.Mode == "" {
		return routineWish
	}
	return wish{o.Mode, o.RevokeFirst, o.Environment == Staging}
}

func (c Cell) wish() wish { return wish{c.Mode, c.RevokeFirst, c.OnlyStaging} }

// environments are those that a plan is about. An emergency leaves alone what has
// a key of its own and did not leak: production is what has to be contained, unless
// somebody says that it was staging's.
func (w wish) environments(s Subject) []string {
	if w.mode == Emergency && !s.Shared {
		return []string{w.front()}
	}
	return environments()
}

func (w wish) front() string { return Cell{OnlyStaging: w.staging}.Front() }

// visited is the environment for which people make a key that serves both.
func (w wish) visited(s providers.Shape) string {
	if w.mode == Emergency || s == providers.Cutover {
		return w.front()
	}
	return Staging
}

// SignsOut reports that ending the old credential turns away whoever bears a
// token of it.
func (c Cell) SignsOut() bool { return c.Mode == Emergency && c.Shape == providers.DeployFirst }

// StagingAfter reports that staging still runs on the old credential when that
// ends, and is deployed again afterwards.
func (c Cell) StagingAfter() bool {
	return c.Mode == Emergency && c.Shared && !c.RevokeFirst && c.Shape == providers.Overlap
}

// environments are those that a rotation is about, staging first.
func (r *Rotation) environments() []string {
	var all []string
	for _, env := range environments() {
		if _, there := r.Places[env]; there {
			all = append(all, env)
		}
	}
	return all
}

// witnessed are the environments that the plan has proved on the way to the
// cursor: whose life certificate is taken again before an end.
func (r *Rotation) witnessed() []string {
	var all []string
	if r.Cell.RevokeFirst {
		return slices.DeleteFunc(r.environments(), func(env string) bool { return !r.proved(env) })
	}
	for _, env := range r.environments() {
		for _, s := range r.Plan[:min(r.Cursor, len(r.Plan))] {
			if s == (Step{Act: Prove, Environment: env}) {
				all = append(all, env)
				break
			}
		}
	}
	return all
}

// vouched are the environments whose certificate an approval rests on.
func (r *Rotation) vouched() []string {
	if r.Cell.Ahead() || r.Cell.RevokeFirst {
		return slices.DeleteFunc(r.environments(), r.following)
	}
	return r.witnessed()
}

// every and where name what a rotation has written to.
func (r *Rotation) every() string {
	if len(r.environments()) == 1 {
		return r.front()
	}
	return "every environment"
}

func (r *Rotation) where() string {
	if len(r.environments()) == 1 {
		return r.front()
	}
	return "both environments"
}

// stillWorks says which environments were proved to work without the old one.
func (r *Rotation) stillWorks() string {
	proved := r.witnessed()
	for _, env := range proved {
		if r.onAWord(env) {
			return "Whether " + env + " still works was not measured: a person took that over."
		}
	}
	switch len(proved) {
	case 0:
		return "The application has no working key until it gets a new one."
	case 1:
		return title(proved[0]) + " still works."
	default:
		return "Both environments still work."
	}
}

// contained says how long a thief had the key after somebody cried for help.
func (r *Rotation) contained() string {
	if r.Cell.Mode != Emergency || r.Cell.Lingers {
		return ""
	}
	at := r.ContainedAt()
	switch {
	case at.IsZero():
		return ""
	case at.Before(r.Alarmed):
		return " The old key was proved dead before the alarm, at " + at.UTC().Format("15:04:05 UTC") + "."
	}
	text := fmt.Sprintf(" Contained %s after the alarm, at %s.", human(at.Sub(r.Alarmed)), at.UTC().Format("15:04:05 UTC"))
	if inherited := r.Inherited(); inherited != "" {
		text += " " + inherited
	}
	return text
}

// ContainedAt is when every old credential that the plan ends was proved dead,
// and no application accepts any more what one of them signed; zero before.
func (r *Rotation) ContainedAt() time.Time {
	var last time.Time
	if !r.OldDead() || r.admits() {
		return last
	}
	for _, e := range r.Ends {
		for _, at := range []time.Time{e.Dead, e.Shut} {
			if at.After(last) {
				last = at
			}
		}
	}
	return last
}

// policy is the subject's, for the mode of this rotation: in an emergency the
// requester may count, and a request does not expire.
func (w *run) policy() Policy {
	p := w.subject.Policy
	if w.r.Cell.Mode == Emergency {
		p.SelfApproval, p.Expiry = p.SelfApproval || p.EmergencySelf, 0
	}
	return p
}

// preflightShort looks whether the vault still holds what the plan was made
// from, and measures what a later watch compares with. That the application or a
// check does not answer is no reason to wait: the key has leaked.
func (w *run) preflightShort(ctx context.Context) (outcome, error) {
	live := ""
	for _, env := range w.r.environments() {
		if env != w.r.front() && !w.r.Cell.Shared {
			continue // it was begun before, and nothing waits for it
		}
		known := w.r.Places[env].from()
		if w.r.Wrote(env) {
			known = w.r.Places[env].After // by the routine rotation that this one took over
		}
		current, err := w.expect(ctx, env, known)
		if err != nil {
			return outcome{}, err
		}
		if heard, err := w.attest(ctx, env, current, nil); err == nil {
			live = heard.Deployment // production comes last
		}
	}
	if w.r.Cell.gaps() {
		w.r.Gap.Deployment = live // nothing is rehearsed: it is what will fail
	}
	text := w.r.inUse()
	if err := w.baseline(ctx, live); err != nil {
		if ctx.Err() != nil {
			return outcome{}, err
		}
		w.e.config.Log.Warn("measuring before an emergency", "rotation", w.r.ID, "error", err)
		text += " Not every check answers; this does not wait for them."
	}
	if w.r.Cell.RevokeFirst {
		if err := w.keepModel(ctx); err != nil {
			return outcome{}, err
		}
		w.foresee(ctx)
		return finished(text + " Nothing was changed.")
	}
	switch {
	case w.r.Cell.OnlyStaging:
		text += " Production has a key of its own and is left alone."
	case !w.r.Wrote(Staging):
		text += " Staging is skipped."
	}
	return finished(text + " Nothing was changed.")
}

// firstLook is when an open request is looked at by itself: when it expires, or
// when people are to be reminded of it.
func (w *run) firstLook(c *Card) time.Time {
	if pause := w.subject.Policy.EmergencyRemind; w.r.Cell.Mode == Emergency && pause > 0 {
		return c.Asked.Add(pause)
	}
	return c.Expires
}

// meanwhile is what waiting for a decision means, where that is known.
func (r *Rotation) meanwhile(c *Card) string {
	switch {
	case c.About == AboutVault:
		return ", and no new key is made before"
	case r.Drill, c.OldRefused != "", len(r.Ends) > 0:
		return ""
	default:
		return ", and the leaked key still works"
	}
}

// longestReminder bounds the pause between two reminders of an open request.
const longestReminder = 12

// remind repeats an emergency's request for approval, ever less often, until
// somebody decides.
func (w *run) remind(c *Card) (outcome, error) {
	pause := w.subject.Policy.EmergencyRemind
	if pause <= 0 {
		return outcome{state: Asking}, nil
	}
	since := c.Asked
	if c.Told.After(since) {
		since = c.Told
	}
	due := since.Add(min(pause<<min(c.Reminders, 10), longestReminder*pause))
	if now := time.Now(); now.Before(due) {
		return outcome{state: Asking, wake: due}, nil
	}
	c.Told, c.Reminders = time.Now(), c.Reminders+1
	text := fmt.Sprintf("Nobody has decided for %s%s: the request above waits for a decision. %s", human(time.Since(c.Asked)), w.r.meanwhile(c), w.r.Safe())
	next := c.Told.Add(min(pause<<min(c.Reminders, 10), longestReminder*pause))
	return outcome{state: Asking, wake: next, events: []event.Event{{Kind: event.Nagged, Card: c.Number, Step: w.at(), Text: text}}}, nil
}
