package fal

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/trail"
	"rekey/providers"
)

var _ providers.Auditor = (*apiKey)(nil)

// billed is the one place where fal.ai notes uses by key. Whether it still tells
// of a key that was deleted is not documented
// (https://fal.ai/docs/platform-apis/v1/models/billing-events).
var billed = trail.Source{
	Name: "billing events of fal.ai", Tells: "time and model of each billed request; never an address, and nothing of what is not billed", Fades: true,
}

// Sources is the billing alone.
func (k *apiKey) Sources() []trail.Source { return []trail.Source{billed} }

// few is how many pages a window may have for the next one to be longer: a key
// that is used little is looked through in a few calls.
const few = 4

// Uses goes back from the end, so that what is not told any more is the oldest.
func (k *apiKey) Uses(ctx context.Context, id providers.ID, over trail.Window) ([]trail.Trail, error) {
	const op = "asking fal.ai for the uses of a key"
	if !idForm.MatchString(string(id)) {
		return nil, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is not a key id"}
	}
	g := trail.NewGather(over)
	oldest := over.To.Add(-eventsWindows * eventsWindow)
	if over.From.After(oldest) {
		oldest = over.From
	}
	reach := 24 * time.Hour
	for end := over.To; oldest.Before(end); {
		start := end.Add(-reach)
		if start.Before(oldest) {
			start = oldest
		}
		pages, err := k.p.gather(ctx, asked{op, id, start, end}, g)
		switch {
		case fault.Is(err, fault.TooLarge) && pages > 0:
			return told(g, trail.Partial, "There are more than can be read; before "+stamp(end)+" nothing was."), nil
		case err != nil && end.Equal(over.To):
			return nil, err
		case err != nil:
			return told(g, trail.Partial, "fal.ai stopped answering; before "+stamp(end)+" nothing was read."), err
		case pages <= few:
			reach = min(2*reach, eventsWindow-time.Minute) // ends are rounded
		}
		end = start
	}
	if oldest.After(over.From) {
		return told(g, trail.Partial, "Before "+stamp(oldest)+" nothing was asked: that is 720 days ago."), nil
	}
	return told(g, trail.Complete, "No addresses are kept, so nobody can be told from the application."), nil
}

func told(g *trail.Gather, c trail.Completeness, why string) []trail.Trail {
	return []trail.Trail{g.Trail(billed, c, why)}
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// asked is one question about a key.
type asked struct {
	op         string
	id         providers.ID
	start, end time.Time
}

// gather reads the events of one window and says on how many pages they were.
func (p *Provider) gather(ctx context.Context, a asked, g *trail.Gather) (int, error) {
	walk := newWalk(a.op)
	for !walk.done {
		var page struct {
			pages
			Events *[]wireEvent `json:"billing_events"`
		}
		query := walk.on(url.Values{
			"start": {stamp(a.start)}, "end": {stamp(a.end.Add(time.Second - 1))}, // the end is exclusive, and has whole seconds
			"api_key_id": {string(a.id)}, "limit": {strconv.Itoa(eventsPage)},
		})
		if err := p.asAdmin(ctx, rest.Call{Op: a.op, Path: "/models/billing-events", Query: query}, &page); err != nil {
			return walk.count, err
		}
		if page.Events == nil {
			return walk.count, fault.New(a.op, fault.Garbled, "the answer has no member billing_events")
		}
		for _, e := range *page.Events {
			at, err := time.Parse(time.RFC3339, e.At)
			if err != nil {
				return walk.count, fault.New(a.op, fault.Garbled, "an event has no readable time")
			}
			if !at.Before(a.start) && at.Before(a.end) { // pages and windows may overlap
				g.Add(at, trail.Said{What: "billed request to " + e.Endpoint})
			}
		}
		if err := walk.next(page.pages); err != nil {
			return walk.count, err
		}
	}
	return walk.count, nil
}
