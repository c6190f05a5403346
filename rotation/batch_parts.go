package rotation

import (
	"slices"
	"time"

	"rekey/providers"
)

// Stand is how far one secret of a batch has come.
type Stand string

// The stands, in the order in which people count them.
const (
	Buried  Stand = "dead"
	Asks    Stand = "asks"                 // a request for approval is open
	Wanting Stand = "waiting for a person" // it stopped, or a person makes or ends a key
	Moves   Stand = "moving"
	Waits   Stand = "waiting" // it is not begun yet
	Failed  Stand = "failed"  // nothing more comes of it, and its old credential is not proved dead
)

// Stands are all of them.
func Stands() []Stand { return []Stand{Buried, Asks, Wanting, Moves, Waits, Failed} }

// Progress is a batch as it is now.
type Progress struct {
	*Batch
	Parts []Part // of its members, in their order
}

// Part is one member as it is now.
type Part struct {
	*Member
	Rotation *Rotation // nil before it begins
	Stand    Stand
	Dead     time.Time // when its old credential was proved dead
	Dies     time.Time // when it dies by itself, where that was set off already
}

func (p *Part) stand() {
	r := p.Rotation
	switch {
	case p.Refused:
		p.Stand = Failed
	case p.byHand():
		p.Stand = Wanting
	case !p.Begun:
		p.Stand = Waits
	case r == nil:
		p.Stand, p.Member.Why = Failed, "Its record is gone from the store."
	default:
		p.Dead = r.ContainedAt()
		p.Stand = standing(r)
		switch {
		case !p.Dead.IsZero():
		case r.Cell.Lingers:
			p.Dies = r.Dies()
		case r.Cell.Shape == providers.Grace:
			p.Dies = r.TurnOf(r.front()).Dies
		}
	}
}

// standing is how far a rotation has come as part of a batch. What has died is
// contained, whatever is left to do: its thread tells of it.
func standing(r *Rotation) Stand {
	step, _ := r.Step()
	switch {
	case !r.ContainedAt().IsZero():
		return Buried
	case r.State == Asking:
		return Asks
	case r.State.Final():
		return Failed
	case r.State != Running, r.Errand != nil && step.creates(), r.askedToEnd(step):
		return Wanting
	default:
		return Moves
	}
}

// askedToEnd reports that a person was asked to end the old credential in a
// console.
func (r *Rotation) askedToEnd(s Step) bool {
	return r.Traits.EndByHand && s.Act == ConfirmDead && !r.Ends[s.Environment].Sent.IsZero()
}

// Count is how many parts stand so.
func (p *Progress) Count(s Stand) int {
	n := 0
	for _, part := range p.Parts {
		if part.Stand == s {
			n++
		}
	}
	return n
}

// part finds a member by its secret.
func (p *Progress) part(secret string) (Part, bool) {
	i := slices.IndexFunc(p.Parts, func(part Part) bool { return part.Secret == secret })
	if i < 0 {
		return Part{}, false
	}
	return p.Parts[i], true
}

// resting reports that nothing moves or is about to: each old credential is
// dead, or a person is needed who was told so in the thread, or nothing comes of it.
func (p *Progress) resting() bool {
	return !slices.ContainsFunc(p.Parts, func(part Part) bool {
		switch {
		case part.Stand == Buried || part.Stand == Failed:
			return false
		case part.Stand == Wanting:
			return !part.byHand() && part.Rotation.State == Running // a key is on its way
		default:
			return true
		}
	})
}

// contained is when the last old credential died; zero while one lives, and where
// a death contains nothing.
func (p *Progress) contained() time.Time {
	var last time.Time
	for _, part := range p.Parts {
		if part.Stand != Buried || part.Rotation.doubtful() {
			return time.Time{}
		}
		if part.Dead.After(last) {
			last = part.Dead
		}
	}
	return last
}

// holding says why a member that is not begun has to wait for others, or "".
// What is needed to have died may also have failed for good: that it waits for
// ever helps nobody.
func (p *Progress) holding(m *Member) string {
	for _, name := range m.After {
		if other, there := p.part(name); there && other.Stand != Buried && other.Stand != Failed {
			return "Waits until the old key of " + name + " is dead, which depends on this one."
		}
	}
	for _, name := range m.Beside {
		if other, there := p.part(name); there && (other.Stand == Moves || other.Stand == Waits) {
			return "Waits for " + name + ": one rotation at a time at " + m.Title + "."
		}
	}
	for _, name := range m.Over {
		if other, there := p.part(name); there && !other.over() {
			return "Waits until the rotation of " + name + " is over: both use one account, and would disturb each other."
		}
	}
	return ""
}

// over reports that a part holds nothing that another one may need.
func (p Part) over() bool {
	if p.Rotation == nil {
		return p.Stand == Failed
	}
	return p.Rotation.State.Final()
}
