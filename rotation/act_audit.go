package rotation

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/audit"
	"rekey/rotation/event"
)

// Inquiry is how an exposure audit is made, and what is declared for it. Zero
// durations mean the defaults named.
type Inquiry struct {
	Wait time.Duration // the end of a credential waits that long for what fades with it; default 30 s
	For  time.Duration // all questions of one look together; default 5 min
	Back time.Duration // how far back where nobody knows when the old one was made; default 90 days
	// Addresses are networks from which the application comes, Readers the
	// identities that may read its values in the vault, by name or id.
	Addresses []string
	Readers   []string
}

func (i Inquiry) withDefaults() Inquiry {
	if i.Wait <= 0 {
		i.Wait = 30 * time.Second
	}
	if i.For <= 0 {
		i.For = 5 * time.Minute
	}
	if i.Back <= 0 {
		i.Back = 90 * 24 * time.Hour
	}
	return i
}

// mostKept bounds what a record holds of an audit, in bytes.
const mostKept = 128 << 10

// inquiry is a look that runs beside a rotation's plan. Its result waits in this
// process until the rotation is held again; whoever dies with it loses nothing but
// time.
type inquiry struct {
	done chan struct{}
	note *audit.Case // written before done is closed
}

// inquiries are the looks under way or not yet taken, by rotation.
type inquiries struct {
	mu    sync.Mutex
	all   map[string]*inquiry
	aside sync.WaitGroup
}

// begin starts a look unless there is one.
func (q *inquiries) begin(key string, look func(*inquiry)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.all[key] != nil {
		return
	}
	if q.all == nil {
		q.all = make(map[string]*inquiry)
	}
	i := &inquiry{done: make(chan struct{})}
	q.all[key] = i
	q.aside.Go(func() {
		defer close(i.done)
		look(i)
	})
}

func (q *inquiries) of(key string) *inquiry {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.all[key]
}

func (q *inquiries) forget(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.all, key)
}

// audits reports that the plan ends with an audit that is still to come.
func (r *Rotation) audits() bool {
	at := slices.IndexFunc(r.Plan, func(s Step) bool { return s.Act == Audit })
	return at >= r.Cursor
}

// beside begins the first look of an audit, which delays nothing: it has its own
// survey, its own time and a copy of the record.
func (w *run) beside(ctx context.Context) {
	if !w.r.audits() || w.r.Audit != nil {
		return
	}
	body, err := encodeRecord(w.r)
	if err != nil {
		return
	}
	copied, err := decodeRecord(w.r.Key(), body)
	if err != nil {
		return
	}
	side := &run{e: w.e, subject: w.subject, r: copied}
	w.e.inquiries.begin(w.r.Key(), func(i *inquiry) {
		defer func() {
			if p := recover(); p != nil {
				w.e.logPanic(copied.Key(), "auditing beside the plan", p)
			}
		}()
		ctx, cancel := context.WithTimeout(ctx, side.subject.Audit.withDefaults().For)
		defer cancel()
		side.inquire(ctx)
		i.note = copied.Audit
	})
}

// collected takes what a look beside the plan has found into the record. A
// rotation that has had its audit, or never comes to it, needs none any more.
func (w *run) collected() {
	i := w.e.inquiries.of(w.r.Key())
	if i == nil || !closed(i.done) && w.r.audits() && !w.r.State.Final() {
		return
	}
	w.e.inquiries.forget(w.r.Key())
	if w.r.Audit == nil && closed(i.done) && i.note != nil {
		w.r.Audit = i.note
	}
}

// kills reports the steps after which the old credential is gone.
func (w *run) kills(s Step) bool {
	return s.Act == End || s.Act == Delete || s.Act == Issue && w.r.Cell.Ahead()
}

// secure reads what fades with the old credential before that ends. It waits
// for a bounded time and stops nothing: a key that has leaked is not kept alive
// for a log.
func (w *run) secure(ctx context.Context, s Step) {
	if !w.r.audits() || !w.kills(s) || !w.r.Ends[s.Environment].Sent.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, w.subject.Audit.withDefaults().Wait)
	defer cancel()
	if i := w.e.inquiries.of(w.r.Key()); i != nil {
		select {
		case <-i.done:
			w.collected()
		case <-ctx.Done():
			return // what it finds is taken when it is there
		}
	}
	if kind, err := w.found(ctx); err != nil || !fades(kind) || w.lookedAt() {
		return
	}
	w.opened(ctx)
	for _, source := range w.oldUses(ctx) {
		w.r.Audit.Take(source.Source)
	}
	w.r.Audit.Bound(mostKept)
}

func fades(k providers.Kind) bool {
	a, can := k.(providers.Auditor)
	if !can {
		return false
	}
	for _, s := range a.Sources() {
		if s.Fades {
			return true
		}
	}
	return false
}

// lookedAt reports that the uses of the old credential were read just now.
func (w *run) lookedAt() bool {
	if w.r.Audit == nil {
		return false
	}
	return slices.ContainsFunc(w.r.Audit.Sources, func(s audit.Source) bool {
		return s.Role == audit.Old && s.Completeness == audit.Complete && time.Since(s.Until) < w.subject.Pace.Fresh
	})
}

// audit makes the last look, over the whole window up to now. It never stops a
// rotation: what cannot be asked is told as such.
func (w *run) audit(ctx context.Context) (outcome, error) {
	w.collected()
	limit := w.subject.Audit.withDefaults().For
	asked, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	again := w.inquire(asked)
	if ctx.Err() != nil {
		return outcome{}, ctx.Err()
	}
	c := w.r.Audit
	c.Looks++
	if again && c.Looks < w.e.config.Retry.Attempts {
		return lookAgain(w.e.config.Retry.pause(c.Looks))
	}
	c.Closed = time.Now().UTC()
	c.Bound(mostKept)
	facts := map[string]string{"unusual": strconv.Itoa(len(c.Unusual())), "lines": strconv.Itoa(len(c.Findings()))}
	for _, s := range c.Sources {
		if s.Role != audit.New {
			facts[s.Name+" of "+s.Of] = string(s.Completeness)
		}
	}
	return outcome{done: true, events: []event.Event{{Kind: event.Audited, Text: c.Summary(), Facts: facts}}}, nil
}

// auditAhead makes the last look where issuing killed the old credential. Its
// window ends with the proof of that death, which comes here and not with the
// report. Where the proof cannot be had, what is known by then is told, and told
// again when it was given.
func (w *run) auditAhead(ctx context.Context, s Step) (outcome, error) {
	if w.r.OldDead() {
		return w.audit(ctx)
	}
	out, err := w.buried(ctx, s)
	switch {
	case err != nil && w.overdue(ctx, err):
		out, err = w.audit(ctx)
		if out.done {
			out.done, out.wake = false, time.Now()
		}
		return out, err
	case err != nil || !out.done || len(out.events) == 0:
		return out, err
	}
	out.done, out.wake = false, time.Now() // the death is told for itself, and then what it closes
	return out, nil
}

// overdue reports that a proof of death is not given, and may not be for long,
// while nothing was told of an audit yet.
func (w *run) overdue(ctx context.Context, err error) bool {
	if ctx.Err() != nil || w.r.Audit != nil && !w.r.Audit.Closed.IsZero() {
		return false
	}
	return !retriable(err) || w.r.Attempt+1 >= w.e.config.Retry.Attempts
}

// inquire asks every source once. again reports that one failed in a way that may
// pass.
func (w *run) inquire(ctx context.Context) (again bool) {
	w.opened(ctx)
	sources := append(w.oldUses(ctx), w.newUses(ctx)...)
	for _, s := range append(sources, w.readings(ctx)...) {
		again = again || s.again
		w.r.Audit.Take(s.Source)
	}
	w.r.Audit.Bound(mostKept)
	return again
}

// opened begins the case, and holds it to what is known by now.
func (w *run) opened(ctx context.Context) {
	if w.r.Audit == nil {
		w.r.Audit = &audit.Case{Secret: w.r.Secret, Credential: w.auditedNames()}
		w.r.Audit.From, w.r.Audit.Basis = w.exposed(ctx)
	}
	c, known := w.r.Audit, w.subject.Audit
	c.Addresses, c.Readers = known.Addresses, known.Readers
	c.Reason, c.Alarmed = w.r.Reason, w.r.Alarmed.UTC()
	c.Moved = wholeSecond(w.r.movedAt())
	c.Ended, c.Dead, c.Dies = time.Time{}, time.Time{}, w.r.Dies().UTC()
	for _, e := range w.r.Ends {
		if e.Sent.After(c.Ended) {
			c.Ended = e.Sent.UTC()
		}
		if dead := wholeSecond(e.Dead); dead.After(c.Dead) {
			c.Dead = dead
		}
	}
}

// wholeSecond is the end of a moment's second: sources have seconds, and what
// happened in the same one is not called later.
func wholeSecond(at time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	return at.UTC().Add(time.Second - 1).Truncate(time.Second)
}

// movedAt is when the application was first proved to run on the new credential,
// wherever it had the old one: until then a use may be its own. Zero before that.
func (r *Rotation) movedAt() time.Time {
	environments := []string{r.front()}
	if r.Cell.Shared {
		environments = r.environments()
	}
	var last time.Time
	for _, env := range environments {
		at := slices.IndexFunc(r.Times, func(t Timing) bool { return t.Step == (Step{Prove, env}).String() && !t.Ended.IsZero() })
		if at < 0 {
			return time.Time{}
		}
		if moved := r.Times[at].Ended; moved.After(last) {
			last = moved
		}
	}
	return last
}

// exposed is since when the old credential may have been known to others, and
// how that is known.
func (w *run) exposed(ctx context.Context) (time.Time, string) {
	if !w.r.Exposed.IsZero() {
		return w.r.Exposed.UTC().Truncate(time.Second), "as somebody said"
	}
	if made := w.oldMade(ctx); !made.IsZero() {
		return made.UTC().Truncate(time.Second), "when the old one was made"
	}
	age, _, err := w.e.age(ctx, w.subject)
	if err == nil && age.Known && !age.Since.IsZero() && age.Since.Before(w.r.Started) {
		return age.Since.UTC().Truncate(time.Second), "when its value came into the vault"
	}
	back := w.subject.Audit.withDefaults().Back
	return w.r.Started.Add(-back).UTC().Truncate(time.Second), fmt.Sprintf("%d days back: nobody knows when it was made", int(back.Hours()/24))
}

// oldMade asks the service's list when the old credential was made.
func (w *run) oldMade(ctx context.Context) time.Time {
	kind, err := w.found(ctx)
	lister, can := kind.(providers.Lister)
	if err != nil || !can {
		return time.Time{}
	}
	all, err := lister.List(ctx)
	if err != nil {
		return time.Time{}
	}
	var first time.Time
	for _, scope := range w.r.auditedScopes() {
		for _, c := range all {
			if c.ID == w.r.Places[scope].Old.ID && !c.Made.IsZero() && (first.IsZero() || c.Made.Before(first)) {
				first = c.Made
			}
		}
	}
	return first
}

// auditedScopes are the environments whose old credential the plan ends.
func (r *Rotation) auditedScopes() []string {
	var all []string
	for _, s := range r.Plan {
		if env := scopeOf(s); s.Act == End && !slices.Contains(all, env) {
			all = append(all, env)
		}
	}
	if len(all) == 0 {
		return []string{r.front()}
	}
	return all
}

func (w *run) auditedNames() string {
	scopes := w.r.auditedScopes()
	if len(scopes) == 1 {
		return w.r.Places[scopes[0]].Old.Shown()
	}
	return w.r.Olds()
}

// retriable reports a failure that may pass by itself.
func retriable(err error) bool {
	if err == nil {
		return false
	}
	class := fault.Of(err).Class
	return class == fault.Again || class == fault.Lost
}
