package rotation

import (
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCount(t *testing.T) {
	var (
		now    = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
		open   = Card{Number: 1, State: CardOpen, Expires: now.Add(time.Hour)}
		late   = Card{Number: 1, State: CardOpen, Expires: now}
		member = Standing{Member: true}
		one    = Policy{Quorum: 1}
		two    = Policy{Quorum: 2}
		yes    = func(id string, s Standing) Mark {
			return Mark{Person: Person{ID: id}, Standing: s, Yes: true, Path: "emoji"}
		}
		no    = func(id string, s Standing) Mark { return Mark{Person: Person{ID: id}, Standing: s, Path: "emoji"} }
		signs = func(id, key string) Mark {
			return Mark{Person: Person{ID: id, Key: key}, Standing: mayVote, Yes: true, Path: "command line"}
		}
		click = func(id string, yes bool) Mark {
			return Mark{Person: Person{ID: id}, Standing: mayVote, Yes: yes, Path: "button"}
		}
	)
	for _, c := range []struct {
		name    string
		policy  Policy
		card    Card
		marks   []Mark
		want    CardState
		refused int
	}{
		{"no marks", one, open, nil, CardOpen, 0},
		{"one approval", one, open, []Mark{yes("A", mayVote)}, CardApproved, 0},
		{"a quorum of zero still needs one", Policy{}, open, nil, CardOpen, 0},
		{"half a quorum", two, open, []Mark{yes("A", mayVote)}, CardOpen, 0},
		{"a quorum", two, open, []Mark{yes("A", mayVote), yes("B", mayVote)}, CardApproved, 0},
		{"the same person twice is one", two, open, []Mark{yes("A", mayVote), yes("A", mayVote)}, CardOpen, 0},
		{"the same person by emoji and by button is one", two, open, []Mark{yes("A", mayVote), click("A", true)}, CardOpen, 0},
		{"a quorum over both paths", two, open, []Mark{yes("A", mayVote), click("B", true)}, CardApproved, 0},
		{"a veto by button beats one's own emoji", one, open, []Mark{yes("A", mayVote), click("A", false)}, CardDenied, 0},
		{"the requester's click", one, open, []Mark{click(requester.ID, true)}, CardOpen, 1},
		{"one veto beats a quorum", two, open, []Mark{yes("A", mayVote), yes("B", mayVote), no("C", mayVote)}, CardDenied, 0},
		{"the requester does not approve", one, open, []Mark{yes(requester.ID, mayVote)}, CardOpen, 1},
		{"the requester approves where policy says so", Policy{Quorum: 1, SelfApproval: true}, open, []Mark{yes(requester.ID, mayVote)}, CardApproved, 0},
		{"the requester may veto", one, open, []Mark{yes("A", mayVote), no(requester.ID, mayVote)}, CardDenied, 0},
		{"a guest", one, open, []Mark{yes("G", Standing{Why: "guest", Approver: true})}, CardOpen, 1},
		{"a guest's veto", one, open, []Mark{yes("A", mayVote), no("G", Standing{Why: "guest"})}, CardApproved, 1},
		{"a member who is no approver", one, open, []Mark{yes("M", member)}, CardOpen, 1},
		{"an unknown standing", one, open, []Mark{yes("M", Standing{})}, CardOpen, 1},
		{"the key with which it was asked for", one, open, []Mark{signs("A", "k0")}, CardOpen, 1},
		{"the requester's key, where policy says so", Policy{Quorum: 1, SelfApproval: true}, open, []Mark{signs("A", "k0")}, CardApproved, 0},
		{"another key", one, open, []Mark{signs("A", "k1")}, CardApproved, 0},
		{"two people with one key are one", two, open, []Mark{signs("A", "k1"), signs("B", "k1")}, CardOpen, 0},
		{"a quorum over a signature and an emoji", two, open, []Mark{signs("A", "k1"), yes("B", mayVote)}, CardApproved, 0},
		{"too late", one, late, []Mark{yes("A", mayVote)}, CardExpired, 1},
		{"nobody, and too late", one, late, nil, CardExpired, 0},
		{"no expiry", one, Card{Number: 1, State: CardOpen}, []Mark{yes("A", mayVote)}, CardApproved, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			asks := Person{ID: requester.ID, Key: "k0"}
			got := c.policy.Count(asks, c.card, Marks{Live: true, Marks: c.marks}, now)
			if got.State != c.want || len(got.Refused) != c.refused {
				t.Errorf("the card is %s with %d refused, want %s with %d", got.State, len(got.Refused), c.want, c.refused)
			}
			for _, r := range got.Refused {
				if !strings.HasSuffix(r.Why, ".") || r.Person.ID == "" {
					t.Errorf("refused without a sentence or a person: %+v", r)
				}
			}
		})
	}
	dead := one.Count(requester, open, Marks{Why: "the message is gone", Marks: []Mark{yes("A", mayVote)}}, now)
	if dead.State != CardVoid || len(dead.Votes) > 0 {
		t.Errorf("marks on a message that is gone: %+v", dead)
	}
}

// TestSignedMarks: what has a source of its own stands beside the message, and
// without it.
func TestSignedMarks(t *testing.T) {
	emoji, signature := Mark{Person: Person{ID: "A"}}, Mark{Person: Person{ID: "B"}}
	for name, c := range map[string]struct {
		m    Marks
		more []Mark
		want Marks
	}{
		"both":                   {Marks{Live: true, Marks: []Mark{emoji}}, []Mark{signature}, Marks{Live: true, Marks: []Mark{emoji, signature}}},
		"a message that is gone": {Marks{Why: "deleted", Marks: []Mark{emoji}}, []Mark{signature}, Marks{Live: true, Marks: []Mark{signature}}},
		"nothing signed":         {Marks{Why: "deleted"}, nil, Marks{Why: "deleted"}},
	} {
		if diff := cmp.Diff(c.want, c.m.With(c.more)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestOnlyApproversCount: whatever marks there are, an approved card has as
// many distinct approvers as the quorum asks for, and no requester.
func TestOnlyApproversCount(t *testing.T) {
	property := func(quorum uint8, bits []byte) bool {
		p := Policy{Quorum: int(quorum%4) + 1}
		m := Marks{Live: true}
		for _, b := range bits {
			m.Marks = append(m.Marks, Mark{
				Person: Person{ID: string(rune('A' + b%5))}, Yes: b&0x80 != 0,
				Standing: Standing{Member: b&0x40 != 0, Approver: b&0x20 != 0},
			})
		}
		t := p.Count(Person{ID: "A"}, Card{Number: 1, State: CardOpen}, m, time.Now())
		if t.State != CardApproved {
			return true
		}
		distinct := make(map[string]bool)
		for _, v := range t.Votes {
			distinct[v.Person.ID] = true
		}
		return len(distinct) >= p.Quorum && !distinct["A"] && t.Veto == nil
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 5000}); err != nil {
		t.Error(err)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	whole, err := encodeRecord(&Rotation{ID: "a", Plan: only(Preflight)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"v":1,"rotation":{"id":"a","plan":[{"act":"end"}],"cursor":7}}`))
	f.Add([]byte(`{"v":2}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := decodeRecord("rotation/a", body)
		if err != nil {
			if !strings.Contains(err.Error(), "rotation/a") {
				t.Errorf("the error does not name the place: %v", err)
			}
			return
		}
		if _, err := encodeRecord(r); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
		_, _ = r.Step()
	})
}
