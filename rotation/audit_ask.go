package rotation

import (
	"context"
	"fmt"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/trail"
	"rekey/providers"
	"rekey/rotation/audit"
)

// mostLines bounds what one source may tell.
const mostLines = 300

// answered is what one source came to.
type answered struct {
	audit.Source
	again bool // it failed, and may not fail the next time
}

// question is one call to an auditor, in the words that its answer is kept in.
type question struct {
	role    audit.Role
	of      string // what it is about, for people
	whose   string // whom it is put to
	from    time.Time
	ended   time.Time // when the credential ended; zero while it lives
	sources []trail.Source
	ask     func(context.Context, trail.Window) ([]trail.Trail, error)
}

// oldUses asks the service for the uses of every old credential. What fades is
// asked only for what came after the last look.
func (w *run) oldUses(ctx context.Context) []answered {
	auditor, why := w.auditor(ctx)
	var all []answered
	for _, scope := range w.r.auditedScopes() {
		old := w.r.Places[scope].Old
		q := question{role: audit.Old, of: old.Shown(), whose: w.r.Traits.Service, from: w.r.Audit.From, ended: w.endedAt(scope)}
		if auditor == nil {
			all = append(all, w.unasked(q, why))
			continue
		}
		q.sources = auditor.Sources()
		q.ask = func(ctx context.Context, over trail.Window) ([]trail.Trail, error) {
			return auditor.Uses(ctx, old.ID, over)
		}
		for _, s := range q.sources {
			if before, known := w.r.Audit.Find(audit.Old, s.Name, q.of); known && s.Fades && before.Completeness != audit.Unavailable {
				q.from = before.Until
			}
		}
		all = append(all, w.question(ctx, q)...)
	}
	return all
}

// endedAt is when a scope's credential was ended.
func (w *run) endedAt(scope string) time.Time {
	if e, ended := w.r.Ends[scope]; ended {
		return e.Sent
	}
	return w.r.Ends[""].Sent
}

// newUses asks for the uses of the successor: only the application has it.
func (w *run) newUses(ctx context.Context) []answered {
	auditor, _ := w.auditor(ctx)
	if auditor == nil {
		return nil
	}
	var all []answered
	seen := make(map[providers.ID]bool)
	for _, scope := range w.r.auditedScopes() {
		fresh := w.r.Places[scope].New
		if fresh.ID == "" || seen[fresh.ID] {
			continue
		}
		seen[fresh.ID] = true
		all = append(all, w.question(ctx, question{
			role: audit.New, of: fresh.Shown(), whose: w.r.Traits.Service, from: w.r.Started.UTC().Truncate(time.Second), sources: auditor.Sources(),
			ask: func(ctx context.Context, over trail.Window) ([]trail.Trail, error) {
				return auditor.Uses(ctx, fresh.ID, over)
			},
		})...)
	}
	return all
}

// auditor is the kind's, or why there is none.
func (w *run) auditor(ctx context.Context) (providers.Auditor, string) {
	kind, err := w.found(ctx)
	if err != nil {
		return nil, "The service could not be looked at: " + what(w.r, fault.Of(err))
	}
	auditor, can := kind.(providers.Auditor)
	if !can {
		return nil, w.r.Traits.Service + " tells nothing of what one credential was used for, or this version cannot ask it."
	}
	return auditor, ""
}

// readings asks the vault who read the values of the environments that the old
// credential was for.
func (w *run) readings(ctx context.Context) []answered {
	auditor, can := w.subject.Vault.(deploy.Auditor)
	var all []answered
	for _, env := range environments() {
		if _, there := w.r.Places[env]; !there || !w.r.Cell.Shared && !w.audited(env) {
			continue
		}
		q := question{role: audit.Vault, of: w.r.Secret + " in " + env, whose: "the vault", from: w.r.Audit.From}
		if !can {
			all = append(all, w.unasked(q, "The vault does not tell who read a value."))
			continue
		}
		q.sources = auditor.Sources()
		q.ask = func(ctx context.Context, over trail.Window) ([]trail.Trail, error) {
			return auditor.Readings(ctx, env, w.subject.Variables, over)
		}
		all = append(all, w.question(ctx, q)...)
	}
	return all
}

func (w *run) audited(env string) bool {
	for _, scope := range w.r.auditedScopes() {
		if scope == env {
			return true
		}
	}
	return false
}

// unasked is a source that could not be asked at all.
func (w *run) unasked(q question, why string) answered {
	return answered{Source: audit.Source{Name: "uses at " + q.whose, Of: q.of, Role: q.role, Completeness: audit.Unavailable, Why: why, From: q.from, Until: q.from}}
}

// question asks, and keeps the answer in a form that may be stored and shown.
func (w *run) question(ctx context.Context, q question) []answered {
	over := trail.Window{From: q.from, To: time.Now().UTC().Truncate(time.Second), Most: mostLines}
	for _, m := range []time.Time{w.r.Audit.Moved, w.r.Audit.Dead} {
		if !m.IsZero() {
			over.Marks = append(over.Marks, m)
		}
	}
	trails, err := q.ask(ctx, over)
	if err != nil {
		w.e.config.Log.Warn("a source of the audit did not answer", "rotation", w.r.ID, "asked", q.whose, "about", q.of, "error", err)
	}
	values, unmasked := w.spoken(ctx)
	if unmasked != nil {
		values = nil // then words are not repeated at all
	}
	var all []answered
	for i, s := range q.sources {
		if (s.Blind != "" || s.Anyone) && q.role == audit.New {
			continue // there is nothing to compare with
		}
		a := answered{Source: audit.Source{Name: s.Name, Of: q.of, Role: q.role, Tells: s.Tells, Unit: s.Unit, Anyone: s.Anyone, From: over.From, Until: over.To}}
		switch {
		case i < len(trails):
			a.tell(trails[i], values)
			a.again = retriable(err) && s.Blind == ""
		case s.Blind != "":
			a.Completeness, a.Why = audit.Unavailable, "Cannot audit: "+s.Blind+"."
		default:
			a.Completeness, a.Why, a.again = audit.Unavailable, "It did not answer: "+what(w.r, fault.Of(err)), retriable(err)
		}
		if s.Blind != "" {
			a.From, a.Until = time.Time{}, time.Time{}
		}
		a.doubt(s, q)
		all = append(all, a)
	}
	return all
}

// tell takes a trail over. Words of others are masked, and left out where that
// cannot be done.
func (a *answered) tell(t trail.Trail, values []secret.Value) {
	a.Completeness, a.Why = audit.Completeness(t.Completeness), t.Why
	hidden := false
	for _, u := range t.Uses {
		line := audit.Line{First: u.First, Last: u.Last, Count: u.Count, Amount: u.Amount, Own: u.Own,
			What: oneLine(u.What, values), Agent: oneLine(u.Agent, values), Who: oneLine(u.Who, values)}
		if u.From.IsValid() {
			line.IP = u.From.String()
		}
		hidden = hidden || values == nil && !(u.What.IsZero() && u.Agent.IsZero() && u.Who.IsZero())
		a.Lines = append(a.Lines, line)
	}
	if hidden {
		a.Why += " What was said is left out, because a value that may stand in it is not at hand for masking."
		if a.Completeness == audit.Complete {
			a.Completeness = audit.Partial
		}
	}
}

// doubt is for a source that may not tell of what has ended.
func (a *answered) doubt(s trail.Source, q question) {
	if !s.Fades || q.ended.IsZero() || a.Completeness != audit.Complete || len(a.Lines) > 0 {
		return
	}
	a.Completeness = audit.Partial
	a.Why = fmt.Sprintf("The credential was ended at %s; whether %s still tells of one that was ended is not known, and since %s it told nothing.",
		q.ended.UTC().Format(time.RFC3339), s.Name, q.from.UTC().Format(time.RFC3339))
}

// longestWord bounds each of a source's words in a record.
const longestWord = 160

// oneLine is what a source said, masked and on one line.
func oneLine(q secret.Quote, values []secret.Value) string {
	runes := []rune(q.Masked(values...))
	for i, r := range runes {
		if r == '\n' {
			runes[i] = ' '
		}
	}
	if len(runes) > longestWord {
		return string(runes[:longestWord-1]) + "…"
	}
	return string(runes)
}
