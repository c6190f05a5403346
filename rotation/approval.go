package rotation

import (
	"context"
	"slices"
	"time"
)

// Standing is what a person may do, as fresh facts from where people are
// known. The zero Standing may do nothing.
type Standing struct {
	Member   bool   // a full member of this workspace
	Why      string // when not: "guest", "bot", "deactivated", "external", "unknown"
	Starter  bool   // may start, cancel and retry
	Approver bool   // is in the approver list or group
}

// Mark is one mark somebody made on an approval card, as its source shows it
// now. Marks that mean nothing to us are left out by the source.
type Mark struct {
	Person   Person
	Standing Standing
	Yes      bool   // approve, else veto
	Path     string // "emoji", "button", "command line"
	Answer   string // which yes it is, where there are several
	Reason   string // what a veto was given with, in the person's own words; foreign text
}

// Marks is everything a card shows at one moment.
type Marks struct {
	Live  bool   // the message stands, in a place where approvals may run
	Why   string // when not: a sentence for people
	Marks []Mark
}

// With adds marks that have a source apart from the card's message: signed
// statements. They stand by themselves where the message does not.
func (m Marks) With(signed []Mark) Marks {
	if len(signed) == 0 {
		return m
	}
	if !m.Live {
		return Marks{Live: true, Marks: signed}
	}
	m.Marks = slices.Concat(m.Marks, signed)
	return m
}

// Ballot reads a card's marks at their own source. An error means the source
// could not be asked: then nothing stands.
type Ballot interface {
	Marks(ctx context.Context, r *Rotation, card int) (Marks, error)
}

// Policy decides whose marks count.
type Policy struct {
	Quorum       int           // approvals needed; at least 1
	SelfApproval bool          // the requester's own mark counts
	Expiry       time.Duration // of a card; 0 means never
	// In an emergency a card never expires: it is repeated after each pause.
	Rollback        AutoRollback // which failures turn a routine rotation around
	EmergencySelf   bool         // the requester's own mark counts
	EmergencyRemind time.Duration
	// EmergencyOnce has several emergencies at once asked about on one card.
	EmergencyOnce bool
}

// Refused is a mark that did not count and the one private sentence why.
type Refused struct {
	Person Person
	Why    string
}

// Tally is the result of counting.
type Tally struct {
	State   CardState
	Votes   []Vote // approvals counted, in the order of the marks
	Veto    *Vote
	Refused []Refused
}

// Count judges the marks on a card under a policy. It is pure: the same marks
// at the same time give the same tally. One veto beats any number of
// approvals; expiry beats marks seen later. A person counts once, by whatever
// paths their marks came: for the first of them.
func (p Policy) Count(requester Person, c Card, m Marks, now time.Time) Tally {
	t := Tally{State: CardOpen}
	if !m.Live {
		t.State = CardVoid
		return t
	}
	expired := !c.Expires.IsZero() && !now.Before(c.Expires)
	for _, mark := range m.Marks {
		if why := p.objection(requester, mark, expired); why != "" {
			t.Refused = append(t.Refused, Refused{Person: mark.Person, Why: why})
			continue
		}
		v := Vote{Person: mark.Person, Path: mark.Path, Reason: mark.Reason, Answer: mark.Answer, At: now}
		switch {
		case !mark.Yes && t.Veto == nil:
			t.Veto = &v
		case mark.Yes && !voted(t.Votes, v.Person):
			t.Votes = append(t.Votes, v)
		}
	}
	switch {
	case expired:
		t.State = CardExpired
	case t.Veto != nil:
		t.State = CardDenied
	case len(t.Votes) >= max(p.Quorum, 1):
		t.State = CardApproved
	}
	return t
}

func voted(votes []Vote, p Person) bool {
	return slices.ContainsFunc(votes, func(v Vote) bool { return v.Person.same(p) })
}

// objection says why a mark does not count, or "" when it does.
func (p Policy) objection(requester Person, m Mark, expired bool) string {
	switch {
	case !m.Standing.Member:
		return "Your mark was not counted: approvals are for full members of this workspace (you are seen as: " + m.Standing.Why + "). It changes nothing."
	case !m.Standing.Approver:
		return "Your mark was not counted: you are not on the approver list of this secret. It changes nothing."
	case m.Yes && m.Person.ID == requester.ID && !p.SelfApproval:
		return "Your mark was not counted: whoever asked for a rotation does not approve it. Somebody else on the approver list must."
	case m.Yes && m.Person.same(requester) && !p.SelfApproval:
		return "Your mark was not counted: it was signed with the key with which the rotation was asked for. Somebody else on the approver list must approve, with a key of their own."
	case expired:
		return "Your mark came too late: this request has expired, and nothing follows from it. `/rotate retry` with the secret's name asks again."
	default:
		return ""
	}
}
