package rotation

import (
	"fmt"
	"slices"
)

// Inherited warns that the new credential is older than the alarm, because the
// emergency took over a rotation that had made it: it may be the one that leaked.
// "" where it is made under the emergency's own eyes.
func (r *Rotation) Inherited() string {
	makes := func(s Step) bool { return s.creates() && s.Environment == r.front() }
	turn := r.TurnOf(r.front())
	made := !turn.Made.IsZero() && turn.Made.Before(r.Alarmed)
	if r.Cell.Mode != Emergency || r.Cell.RevokeFirst || r.New().ID == "" || !made && slices.ContainsFunc(r.Plan, makes) {
		return ""
	}
	return fmt.Sprintf("The new key, %s, was made before the alarm, by the rotation that this took over. If it is the one that leaked, this does not contain it: `/rotate-emergency %s what happened` once more when this is over.",
		r.New().Brief(), r.Secret)
}

// doubtful reports that the death of the old credential is not all there is to a
// leak: it lived on while its holder may have read what took its place, or what
// took its place is older than the alarm.
func (r *Rotation) doubtful() bool { return r.Cell.Lingers || r.Inherited() != "" }

// allContained says when a batch of dead keys was contained, or whose threads tell
// why that cannot be said.
func (p *Progress) allContained() string {
	if at := p.contained(); !at.IsZero() {
		return fmt.Sprintf(" Contained %s after the alarm, at %s.", human(at.Sub(p.Started)), at.UTC().Format("15:04:05 UTC"))
	}
	var names []string
	for _, part := range p.Parts {
		if part.Rotation.doubtful() {
			names = append(names, part.Secret)
		}
	}
	return " Whether that contains it is told in the threads of " + both(names) + "."
}

// inUse is what an emergency finds when it begins.
func (r *Rotation) inUse() string {
	if !r.Wrote(r.front()) {
		return "Looked first: in use is " + r.Olds() + "."
	}
	return fmt.Sprintf("Looked first: %s holds the new key already, %s; the old one is %s.", r.front(), r.New().Brief(), r.Olds())
}

// fallen says how dead an old credential is that was ended for good.
func (r *Rotation) fallen() string {
	switch {
	case r.OldDead() && r.admits():
		return "The service refuses the old key. The application accepts what it signed until its value is written over and deployed, which comes next."
	case r.OldDead():
		return "The old key is dead."
	default:
		return "The old key was ended and lives until " + r.Dies().UTC().Format("15:04:05 UTC") + "; nothing of Rekey's ends it sooner."
	}
}

// admits reports that an application may still accept what an old signing key
// signed, although its service refuses that: the value before has yet to be
// written over and deployed.
func (r *Rotation) admits() bool {
	if !r.deployFirst() || r.Cell.Mode == Rollback {
		return false
	}
	last := -1
	for i, s := range r.Plan {
		if s.Act == ConfirmDead {
			last = i
		}
	}
	return r.Cursor <= last
}
