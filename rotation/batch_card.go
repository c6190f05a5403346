package rotation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/rotation/event"
)

// Sheaf is one request for approval that is about several rotations of a batch.
// Each of them has a card of its own, with its own evidence; what is asked, and
// of whom it counts, is theirs. The sheaf is where people are asked.
type Sheaf struct {
	Batch  string    `json:"batch"` // key
	Number int       `json:"number"`
	Asked  time.Time `json:"asked"`
	Sheets []Sheet   `json:"sheets"`
	Hash   string    `json:"hash"` // of all sheets; an approval is bound to it
	// Told and Reminders: when people were last reminded, and how often.
	Told      time.Time `json:"told,omitzero"`
	Reminders int       `json:"reminders,omitempty"`
}

// Sheet is one rotation's card in a sheaf.
type Sheet struct {
	Rotation string `json:"rotation"` // id
	Secret   string `json:"secret"`
	Card     int    `json:"card"`
	Plan     string `json:"plan"`     // hash
	Evidence string `json:"evidence"` // hash
}

func sheetOf(r *Rotation) Sheet {
	return Sheet{Rotation: r.ID, Secret: r.Secret, Card: r.Card.Number, Plan: r.PlanHash, Evidence: r.Card.Evidence}
}

// Seal binds a card to its sheets.
func (s *Sheaf) Seal() { s.Hash, _ = hashOf(s.Sheets) } // texts and numbers, which cannot fail

// Covers reports that what people were asked about includes this very card of a
// rotation, on the evidence that it has.
func (s *Sheaf) Covers(r *Rotation) bool {
	if s == nil || r.Card == nil {
		return false
	}
	hash, err := hashOf(s.Sheets)
	return err == nil && hash == s.Hash && slices.Contains(s.Sheets, sheetOf(r))
}

// Open reports that a card of a batch still asks about some rotation.
func (p *Progress) Open(s *Sheaf) bool { return len(p.undecided(s)) > 0 }

// undecided are the secrets about which a card of a batch still asks: it counts
// for each by itself, so that others of it may be decided and done.
func (p *Progress) undecided(s *Sheaf) []string {
	var names []string
	for _, part := range p.Parts {
		if r := part.Rotation; r != nil && r.Card != nil && r.Card.State == CardOpen && !r.State.Final() && s.Covers(r) {
			names = append(names, part.Secret)
		}
	}
	return names
}

// Card is one of the batch's requests, nil where there is none of that number.
func (b *Batch) Card(number int) *Sheaf {
	i := slices.IndexFunc(b.Cards, func(s Sheaf) bool { return s.Number == number })
	if i < 0 {
		return nil
	}
	return &b.Cards[i]
}

// covering is the newest card of a batch that is about a rotation's own.
func (b *Batch) covering(r *Rotation) *Sheaf {
	for i := len(b.Cards) - 1; i >= 0; i-- {
		if b.Cards[i].Covers(r) {
			return &b.Cards[i]
		}
	}
	return nil
}

// joins decides that a request is made together with others of the batch: the
// first one of an emergency whose policy says so. One that is made anew, because
// its evidence is no longer what was approved, is asked by itself.
func (w *run) joins(ctx context.Context) (bool, error) {
	if w.r.Batch == "" || w.r.Card != nil || !w.subject.Policy.EmergencyOnce {
		return false, nil
	}
	record, err := w.e.config.Store.Load(ctx, w.r.Batch)
	if err != nil {
		return false, fmt.Errorf("looking at the batch of this rotation: %w", err)
	}
	b, err := decodeBatch(w.r.Batch, record.Body)
	if err != nil {
		return false, err
	}
	return record.Open && b.Secret == "", nil
}

// request is how people hear of a card: by itself, or as a line that says where
// they are asked.
func (w *run) request(ctx context.Context, card *Card, ev event.Event) (event.Event, error) {
	together, err := w.joins(ctx)
	if err != nil {
		return ev, err
	}
	w.r.Card = card
	if !together {
		return ev, nil
	}
	card.Together = true
	ev.Kind = event.Joined
	ev.Text += " This is asked together with the others of the same emergency, in the thread of its message."
	return ev, nil
}

// gather makes a card of what waits to be asked together, once nothing more is
// about to join it, or the first one has waited long enough. What comes later
// is on a further card: containing what is ready does not wait for what is not.
func (w *batchRun) gather(p *Progress, now time.Time) (events []event.Event, wake time.Time) {
	var sheets []Sheet
	var first time.Time
	coming := false
	for _, part := range p.Parts {
		r := part.Rotation
		switch {
		case part.Stand == Moves || part.Stand == Waits && p.holding(part.Member) == "":
			coming = true
		case part.Stand == Asks && r.Card.Together && r.Card.State == CardOpen && w.b.covering(r) == nil:
			sheets = append(sheets, sheetOf(r))
			if first.IsZero() || r.Card.Asked.Before(first) {
				first = r.Card.Asked
			}
		}
	}
	until := first.Add(w.e.config.BatchGather)
	switch {
	case len(sheets) == 0:
		return nil, time.Time{}
	case coming && now.Before(until):
		return nil, until
	}
	s := Sheaf{Batch: w.b.Key(), Number: len(w.b.Cards) + 1, Asked: now, Sheets: sheets}
	s.Seal()
	w.b.Cards = append(w.b.Cards, s)
	return []event.Event{{Kind: event.Card, Card: s.Number, Text: fmt.Sprintf("May the old keys of %s end?", strings.Join(s.Secrets(), ", ")), Facts: s.facts()}}, time.Time{}
}

// Secrets are those that a card is about.
func (s *Sheaf) Secrets() []string {
	var all []string
	for _, sheet := range s.Sheets {
		all = append(all, sheet.Secret)
	}
	return all
}

func (s *Sheaf) facts() map[string]string {
	facts := map[string]string{"evidence": s.Hash}
	for _, sheet := range s.Sheets {
		facts[sheet.Secret] = fmt.Sprintf("rotation %s card %d plan %s evidence %s", sheet.Rotation, sheet.Card, sheet.Plan, sheet.Evidence)
	}
	return facts
}

// nag repeats open cards, ever less often, and says when to look next.
func (w *batchRun) nag(p *Progress, now time.Time) (events []event.Event, wake time.Time) {
	for i := range w.b.Cards {
		s := &w.b.Cards[i]
		pause := w.pauseOf(s)
		if pause <= 0 || !p.Open(s) {
			continue
		}
		since := s.Asked
		if s.Told.After(since) {
			since = s.Told
		}
		due := since.Add(min(pause<<min(s.Reminders, 10), longestReminder*pause))
		if !now.Before(due) {
			s.Told, s.Reminders = now, s.Reminders+1
			events = append(events, event.Event{Kind: event.Nagged, Card: s.Number,
				Text: fmt.Sprintf("Nobody has decided for %s about %s: request %d above waits for a decision. Rekey has ended none of these keys.", human(now.Sub(s.Asked)), strings.Join(p.undecided(s), ", "), s.Number)})
			due = now.Add(min(pause<<min(s.Reminders, 10), longestReminder*pause))
		}
		wake = sooner(wake, due)
	}
	return events, wake
}

// pauseOf is the shortest pause between reminders of a card's secrets.
func (w *batchRun) pauseOf(s *Sheaf) time.Duration {
	var shortest time.Duration
	for _, name := range s.Secrets() {
		if pause := w.e.subjects[name].Policy.EmergencyRemind; pause > 0 && (shortest == 0 || pause < shortest) {
			shortest = pause
		}
	}
	return shortest
}

// waitTogether waits for a card that is asked in the batch's thread. Where the
// batch is over, and people were never asked, it is asked by itself.
func (w *run) waitTogether(ctx context.Context, c *Card) (outcome, error) {
	s, open, err := w.asked(ctx)
	if err != nil {
		return outcome{}, err
	}
	if s == nil && !open {
		c.State = CardVoid
		return w.approve(ctx)
	}
	wake := time.Time{}
	if pause := w.subject.Policy.EmergencyRemind; pause > 0 {
		wake = time.Now().Add(pause)
	}
	return outcome{state: Asking, wake: wake}, nil
}

// asked is the card of the batch on which people were asked about this
// rotation's own, nil where they were not; open says that they may still be.
func (w *run) asked(ctx context.Context) (s *Sheaf, open bool, err error) {
	record, err := w.e.config.Store.Load(ctx, w.r.Batch)
	if err != nil {
		return nil, false, fmt.Errorf("looking at the batch of this rotation: %w", err)
	}
	b, err := decodeBatch(w.r.Batch, record.Body)
	if err != nil {
		return nil, false, err
	}
	return b.covering(w.r), record.Open, nil
}

// marked is the rotation as a ballot gets it: with the card on which people were
// asked, where that is a batch's. None that covers it stands for nothing.
func (w *run) marked(ctx context.Context) (*Rotation, error) {
	if c := w.r.Card; c == nil || !c.Together {
		return w.r, nil
	}
	s, _, err := w.asked(ctx)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, fault.New("finding the request on which this was approved", fault.ChangedByOther, "the batch has no card with this evidence")
	}
	r := *w.r
	r.Sheaf = s
	return &r, nil
}
