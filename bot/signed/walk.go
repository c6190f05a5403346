package signed

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"rekey/commands"
	"rekey/rotation"
	"rekey/rotation/event"
	"rekey/state"
)

// table is the last emergency of several secrets, row by row: with Slack away
// nobody reads it there.
func (d *Desk) table(ctx context.Context, tag string) Answer {
	p, err := d.engine.LastBatch(ctx, tag)
	switch {
	case err != nil:
		d.config.Log.Warn("looking for the last emergency of several secrets", "error", err)
		return Answer{Title: "That did not work", Lines: []string{"Rekey could not look just now, and the cause is in its log."}, Failed: true}
	case p == nil:
		return Answer{Title: "There was no emergency of " + (&rotation.Batch{Tag: tag}).Whole()}
	}
	a := Answer{Title: "Emergency of " + p.Whole() + ", begun " + p.Started.UTC().Format("2006-01-02 15:04:05 UTC"), Lines: []string{commands.Tally(p) + " What happened: " + p.Reason}}
	if !p.Contained.IsZero() {
		a.Lines = append(a.Lines, "Contained at "+p.Contained.UTC().Format("15:04:05 UTC")+".")
	}
	for _, part := range p.Parts {
		a.Lines = append(a.Lines, part.Secret+": "+Here(commands.PartWords(part)))
	}
	return a
}

// consoles are what people are asked to do at consoles: a line for each, or the
// whole guide of one secret.
func (d *Desk) consoles(ctx context.Context, name string) ([]string, error) {
	open, err := d.engine.Open(ctx)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, r := range open {
		for _, c := range r.Calls() {
			if !c.Open() || name != "" && !strings.EqualFold(name, r.Secret) {
				continue
			}
			lines = append(lines, fmt.Sprintf("%s, %s: a person is needed at %s: %s", r.Secret, c.Scope, c.Console, toDo(c)))
			if name == "" {
				continue
			}
			guide, err := d.latest(ctx, r, func(e event.Event) bool { return e.Kind == event.Guide && e.Facts["reminder"] == "" })
			if err != nil {
				return nil, err
			}
			for _, l := range strings.Split(guide.Text, "\n") {
				lines = append(lines, "  "+Here(l))
			}
		}
	}
	return lines, nil
}

// toDo says what a person does at a console, in a sentence.
func toDo(c rotation.Call) string {
	text := "make the key " + c.Key
	switch {
	case c.Ends:
		return "delete the old key " + c.Key + ", and no other. `rekey status " + c.Secret + "` says how."
	case c.Kills:
		text = "replace the key, which kills the old one at once"
	case c.Turns:
		text = "replace the key"
	}
	text += ", and put its value into " + c.Inbox + " of the vault as " + strings.Join(c.Paste, " and ") + "."
	if c.State == rotation.VisitUnfit {
		text = "what was left there was not taken: " + c.Wrong + " Still needed: " + text
	}
	return text + " `rekey status " + c.Secret + "` says how."
}

// status adds to how things stand what is read in threads otherwise: the requests
// that wait, and what people are asked to do at consoles.
func (d *Desk) status(ctx context.Context, a Answer, line string) Answer {
	requests, err := d.requests(ctx)
	consoles, failed := d.consoles(ctx, line)
	if err = errors.Join(err, failed); err != nil {
		d.config.Log.Warn("listing what waits for people", "error", err)
		a.Lines, a.Failed = append(a.Lines, "What waits for people could not be listed; the cause is in the log."), true
	}
	a.Requests, a.Lines = requests, append(a.Lines, consoles...)
	return a
}

// latest finds the last entry of a rotation's journal that is of a kind.
func (d *Desk) latest(ctx context.Context, r *rotation.Rotation, is func(event.Event) bool) (found event.Event, err error) {
	after := int64(0)
	for range mostPages {
		rows, err := d.config.Store.Events(ctx, r.Key(), after, eventsAtOnce)
		if err != nil {
			return found, fmt.Errorf("reading the journal of %s: %w", r.Key(), err)
		}
		after = lastOf(rows, after)
		for _, row := range rows {
			if e, err := event.Decode(row.Seq, row.Body); err == nil && is(e) {
				found = e
			}
		}
		if len(rows) < eventsAtOnce {
			break
		}
	}
	return found, nil
}

func lastOf(rows []state.Event, after int64) int64 {
	if len(rows) == 0 {
		return after
	}
	return rows[len(rows)-1].Seq
}
