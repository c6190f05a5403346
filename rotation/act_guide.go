package rotation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/rotation/event"
)

// rejudge is how many times longer than the inbox's poll a value that was not
// taken is left alone, before it is held against the service once more.
const rejudge = 12

const opInbox = "waiting for a key that a person makes"

// guided issues by way of a person: it asks in the thread, waits without a
// lease, and takes what is left in the inbox. Entered again it looks first
// whether the value has arrived where it belongs. Writing the same value twice
// does no harm, so that a write without a trace is simply made again; and
// nothing is swept meanwhile, because the person may be about to bring it.
func (w *run) guided(ctx context.Context, env string) (outcome, error) {
	if place := w.r.Places[env]; place.New.ID != "" && !w.r.Cell.Ahead() {
		done, err := w.alreadyIssued(ctx, env)
		switch {
		case err != nil:
			return outcome{}, err
		case done:
			return w.takenOver(ctx, env)
		case !place.HeldSince.IsZero():
			return lookAgain(heldPoll * w.subject.Pace.DeployPoll)
		}
	}
	if e := w.r.Errand; e == nil || e.Environment != env {
		return w.sendOut(ctx, env)
	}
	entries, err := w.collect(ctx, env)
	switch {
	case fault.Is(err, fault.NotFound):
		w.r.Errand.forget()
		return w.stillWaiting(ctx)
	case err != nil:
		return outcome{}, err
	case !w.r.Errand.due(w.left(entries), w.subject.Pace.InboxPoll):
		return w.stillWaiting(ctx)
	}
	return w.judge(ctx, env, entries)
}

// pasted are the names under which a person leaves what they were asked for.
func (w *run) pasted() []string {
	if e := w.r.Errand; e != nil && len(e.Names) > 0 {
		return e.Names
	}
	return w.subject.Variables
}

// collect looks at all that a person was asked for. While a part is not there,
// nothing is: the person is still at it.
func (w *run) collect(ctx context.Context, env string) (map[string]deploy.Entry, error) {
	entries := make(map[string]deploy.Entry)
	for _, name := range w.pasted() {
		entry, err := w.subject.Inbox.Collect(ctx, env, name)
		if err != nil {
			return nil, err
		}
		entries[name] = entry
	}
	return entries, nil
}

// left names what lies in the inbox, in the order in which it was asked for.
func (w *run) left(entries map[string]deploy.Entry) []Left {
	all := make([]Left, 0, len(entries))
	for _, name := range w.pasted() {
		all = append(all, Left{entries[name].ID, entries[name].Version})
	}
	return all
}

// due notes which values are at hand and reports whether they are to be judged
// now: at once when one is new, and now and then when they were not taken.
func (e *Errand) due(left []Left, poll time.Duration) bool {
	if !slices.Equal(left, append([]Left{{e.Entry, e.Version}}, e.Beside...)) {
		e.forget()
		e.Entry, e.Version, e.Beside, e.Seen = left[0].Entry, left[0].Version, left[1:], time.Now()
	}
	return e.Wrong == "" || time.Since(e.Judged) >= rejudge*poll
}

func (e *Errand) forget() {
	e.Entry, e.Version, e.Beside, e.Seen, e.Judged, e.Wrong = "", 0, nil, time.Time{}, time.Time{}, ""
}

// anew begins the waiting once more, for the same key: whoever has made it
// since they were first asked did nothing wrong. What lies in the inbox is
// judged afresh, and people are asked again unless it may be what is needed.
func (e *Errand) anew(now time.Time) {
	if e != nil {
		e.Again, e.Told, e.Judged, e.Wrong = now, time.Time{}, time.Time{}, ""
	}
}

// since is when the present waiting began.
func (e *Errand) since() time.Time {
	if e.Again.After(e.Asked) {
		return e.Again
	}
	return e.Asked
}

// heard is when people last heard of it, were it only that it goes on.
func (e *Errand) heard() time.Time {
	if e.Told.IsZero() {
		return e.since()
	}
	return e.Told
}

// unasked reports that people do not know that they are waited for again.
func (e *Errand) unasked() bool { return e.Told.IsZero() && (e.Entry == "" || e.Wrong != "") }

// sendOut begins the errand and tells people.
func (w *run) sendOut(ctx context.Context, env string) (outcome, error) {
	return w.tell(ctx, &Errand{Environment: env, Label: w.label(), Asked: time.Now()})
}

// tell has people read what an errand is.
func (w *run) tell(ctx context.Context, e *Errand) (outcome, error) {
	guide, err := capability[providers.Guide](ctx, w, "asking a person for a credential")
	if err != nil {
		return outcome{}, err
	}
	guidance, err := guide.Guide(e.ask())
	if err != nil {
		return outcome{}, err
	}
	now := time.Now()
	e.Told, e.Names, w.r.Errand = now, guidance.Paste, e
	w.r.visits(Visit{Environment: e.Environment, Console: guidance.Console, Key: e.Label, Inbox: w.subject.Stages[e.Environment].Inbox, Paste: w.pasted(), Asked: now})
	return outcome{wake: now.Add(w.subject.Pace.InboxPoll), events: []event.Event{w.guideEvent(guidance)}}, nil
}

func (e *Errand) ask() providers.Errand {
	return providers.Errand{Environment: e.Environment, Label: e.Label, Asked: e.Asked, Seen: e.Seen}
}

// guideEvent is what people are told to do, click by click.
func (w *run) guideEvent(g providers.Guidance) event.Event {
	e := w.r.Errand
	inbox, names, what := w.subject.Stages[e.Environment].Inbox, w.pasted(), "the value"
	if len(names) > 1 {
		what = "the values"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "A person has to make the new key for %s: %s has no other way.", scopeWords(w.r, e.Environment), w.r.Traits.Service)
	steps := append(append([]string{"Open " + g.Console}, g.Steps...),
		fmt.Sprintf("Paste %s into %s as `%s`. Never into Slack.", what, inbox, strings.Join(names, "` and `")))
	for i, s := range steps {
		fmt.Fprintf(&text, "\n%d. %s", i+1, s)
	}
	fmt.Fprintf(&text, "\nRekey looks there every %s, checks the key, and empties the inbox. %s", human(w.subject.Pace.InboxPoll), w.r.Safe())
	return event.Event{Kind: event.Guide, Step: w.at(), Text: text.String(), Facts: map[string]string{
		"console": g.Console, "label": e.Label, "inbox": inbox, "name": strings.Join(names, " "),
	}}
}

func scopeWords(r *Rotation, env string) string {
	if r.Cell.Shared {
		return "both environments"
	}
	return env
}

// stillWaiting looks again later, reminds people now and then, and gives up
// when nobody has come for too long.
func (w *run) stillWaiting(ctx context.Context) (outcome, error) {
	e, pace, now := w.r.Errand, w.subject.Pace, time.Now()
	if waited := now.Sub(e.since()); pace.InboxExpiry > 0 && waited >= pace.InboxExpiry {
		return outcome{}, fault.New(opInbox, fault.Unanswered, "asked "+human(waited).String()+" ago")
	}
	w.r.Attempt = 0 // the outside answers: failures of days ago do not add up
	if e.unasked() {
		return w.tell(ctx, e)
	}
	out := outcome{wake: now.Add(pace.InboxPoll)}
	if every := w.remindEvery(e, now); every > 0 && now.Sub(e.heard()) >= every {
		e.Told = now
		out.events = []event.Event{{Kind: event.Guide, Step: w.at(), Facts: map[string]string{"label": e.Label, "reminder": "true"},
			Text: w.reminder(e)}}
	}
	return out, nil
}

// remindEvery is how long people hear nothing. Where the old key may be dead
// already, or work waits, that is a proof's time at first, and ever longer.
func (w *run) remindEvery(e *Errand, now time.Time) time.Duration {
	every := w.subject.Pace.InboxRemind
	if w.r.Cell.Ahead() {
		every = min(every, max(w.subject.Pace.ProveFor, now.Sub(e.since())/2))
	}
	return every
}

func (w *run) reminder(e *Errand) string {
	text := fmt.Sprintf("Still waiting for the key `%s` in %s.", e.Label, w.subject.Stages[e.Environment].Inbox)
	if w.r.Cell.Ahead() { // the only one of an account, without a name
		text = fmt.Sprintf("Still waiting for the new key in %s.", w.subject.Stages[e.Environment].Inbox)
	}
	if e.Wrong != "" {
		text += " What lies there was not taken: " + e.Wrong
	}
	return text + " `/rotate cancel " + w.r.Secret + "` ends the waiting. " + w.r.Safe()
}

// judge holds what lies in the inbox against the errand. What is wrong with
// it is told once; it stays where it is, because it may be the only copy of
// something that a service shows once.
func (w *run) judge(ctx context.Context, env string, entries map[string]deploy.Entry) (outcome, error) {
	found, err := w.inspect(ctx, env, valuesOf(entries))
	if err != nil {
		return outcome{}, err
	}
	e := w.r.Errand
	e.Judged = time.Now()
	switch {
	case found.Wrong != "":
		told := e.Wrong == found.Wrong
		e.Wrong = found.Wrong
		out, err := w.stillWaiting(ctx)
		if err == nil && !told {
			out.events = append(out.events, event.Event{Kind: event.Unfit, Step: w.at(), Text: found.Wrong + " Rekey goes on waiting. " + w.r.Safe()})
		}
		return out, err
	case found.Wait:
		return w.stillWaiting(ctx)
	}
	if err := w.acceptable(ctx, found.Credential); err != nil {
		return outcome{}, err
	}
	if !w.r.Cell.Ahead() { // a turn has just read it
		if err := w.meanwhile(ctx, env); err != nil {
			return outcome{}, err
		}
	}
	w.remember(env, entries)
	out, err := w.first(ctx, env, found.Credential)
	if err != nil || !out.done {
		return out, err
	}
	return w.takenOver(ctx, env)
}

// meanwhile looks at the environment again, before the first write to it: a
// person takes hours, and others edit what stands beside a value.
func (w *run) meanwhile(ctx context.Context, env string) error {
	if w.r.Places[env].New.ID != "" {
		return nil // something was sent, and what became of it was looked at
	}
	_, err := w.expect(ctx, env, w.r.Places[env].from())
	return err
}

// remember notes what is about to be taken, because what is written may be made
// of it and not be it.
func (w *run) remember(env string, entries map[string]deploy.Entry) {
	place := w.r.Places[env]
	place.Pasted = make(map[string]secret.Fingerprint)
	for name, entry := range entries {
		place.Pasted[name] = w.e.config.Key.Fingerprint(entry.Value.Trimmed())
	}
	w.r.Places[env] = place
}

// inspect recognises values that are in use, which a service would call fine,
// and leaves the rest to the provider.
func (w *run) inspect(ctx context.Context, env string, values providers.Values) (providers.Inspection, error) {
	w.made = values
	if wrong := w.inUseAlready(env, func(k Known) bool { return k.Fingerprint == w.e.fingerprint(values) }); wrong != "" {
		return providers.Inspection{Wrong: wrong}, nil
	}
	guide, err := capability[providers.Guide](ctx, w, "checking what a person handed over")
	if err != nil {
		return providers.Inspection{}, err
	}
	found, err := guide.Inspect(ctx, w.r.Errand.ask(), values)
	if err != nil || found.Wrong != "" || found.Wait {
		return found, err
	}
	found.Wrong = w.inUseAlready(env, func(k Known) bool { return k.ID == found.Credential.ID })
	return found, nil
}

// inUseAlready says which known credential a value is, other than what this
// very step has begun to write.
func (w *run) inUseAlready(env string, is func(Known) bool) string {
	for _, other := range w.r.environments() {
		switch p := w.r.Places[other]; {
		case is(p.Old):
			return fmt.Sprintf("That is the key that %s uses now, not a new one.", other)
		case other != env && !w.r.Cell.Shared && p.New.ID != "" && is(p.New):
			return fmt.Sprintf("That is the new key of %s; %s needs one of its own.", other, env)
		}
	}
	return ""
}

// takenOver empties the inbox, now that the vault holds the value where it
// belongs. Another value that lies there by now is somebody's, and stays.
// Which it is the value itself says: between the write and this, a rotation
// may have stopped, and whoever retries it remembers no entry.
func (w *run) takenOver(ctx context.Context, env string) (outcome, error) {
	place := w.r.Places[env]
	rest := ""
	for _, name := range w.pasted() {
		entry, err := w.subject.Inbox.Collect(ctx, env, name)
		switch {
		case fault.Is(err, fault.NotFound):
		case err != nil:
			return outcome{}, err
		case !w.taken(env, name, entry):
			rest = " Another value lies in the inbox by now and was left there."
		default:
			if err := w.subject.Inbox.Discard(ctx, env, entry); err != nil {
				return outcome{}, err
			}
		}
	}
	w.r.visited(env, time.Now())
	w.r.Errand = nil
	if w.r.Cell.Ahead() {
		return finished(fmt.Sprintf("Took %s, made in the place of %s, and wrote it to %s.%s %s", place.New.Shown(), place.Old.Brief(), env, orElse(rest, " The inbox is empty again."), sentence(w.r.fate(env))))
	}
	if w.r.Cell.RevokeFirst {
		return finished(fmt.Sprintf("Took %s, made in the place of %s, and wrote it to %s.%s", place.New.Shown(), place.Old.Brief(), env, orElse(rest, " The inbox is empty again.")))
	}
	return finished(fmt.Sprintf("Took %s, made beside %s, and wrote it to %s.%s Both keys work.", place.New.Shown(), place.Old.Brief(), env, orElse(rest, " The inbox is empty again.")))
}

// taken reports whether a value of the inbox is one that the environment's new
// credential was taken from, but for white space that came along with the pasting.
func (w *run) taken(env, name string, entry deploy.Entry) bool {
	place, value := w.r.Places[env], entry.Value.Trimmed()
	if place.Pasted == nil { // as records were made when one variable was all there was
		return w.e.fingerprint(providers.Values{name: value}) == place.New.Fingerprint
	}
	return place.Pasted[name] == w.e.config.Key.Fingerprint(value)
}

func orElse(text, other string) string {
	if text != "" {
		return text
	}
	return other
}

// reachable holds, before a plan exists, that a guided credential has an inbox
// in each environment that is issued to, and that nothing else reads there. A
// shared one is made for visited alone.
func (s Subject) reachable(ctx context.Context, visited string, places []string) error {
	if s.Inbox == nil || len(s.Variables) == 0 {
		return fault.New("looking at the inbox of "+s.Name, fault.Unsupported, "a key that people make needs an inbox")
	}
	for _, env := range places {
		if s.Shared && env != visited {
			continue // visited once
		}
		if err := s.Inbox.Secluded(ctx, env); err != nil {
			return fmt.Errorf("looking at the inbox of %s: %w", env, err)
		}
	}
	return nil
}
