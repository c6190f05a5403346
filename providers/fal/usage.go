package fal

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/providers"
)

// Limits of one question about billing: the service looks at no more than 90
// days at a time, and Rekey asks about no more than eight times that.
const (
	eventsWindow  = 90 * 24 * time.Hour
	eventsWindows = 8
	eventsPage    = 500
)

type wireEvent struct {
	At       string `json:"timestamp"`
	Endpoint string `json:"endpoint_id"`
}

// LastUsed returns the time of the key's last billed request. It asks window
// by window backwards and stops at the first that holds one. Both ends are
// always named: without them fal.ai answers for the last day only.
func (k *apiKey) LastUsed(ctx context.Context, id providers.ID, since time.Time) (time.Time, error) {
	const op = "asking fal.ai when a key was used"
	if !idForm.MatchString(string(id)) {
		return time.Time{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is not a key id"}
	}
	end := time.Now().UTC().Truncate(time.Second).Add(time.Second) // exclusive
	if end.Sub(since) > eventsWindows*eventsWindow {
		return time.Time{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is more than 720 days ago"}
	}
	for since.Before(end) {
		start := end.Add(-eventsWindow)
		if start.Before(since) {
			start = since
		}
		last, err := k.p.lastEvent(ctx, op, id, start.UTC(), end)
		if err != nil || !last.IsZero() {
			return last, err
		}
		end = start
	}
	return time.Time{}, nil
}

// lastEvent looks through all pages, whose order is not documented.
func (p *Provider) lastEvent(ctx context.Context, op string, id providers.ID, start, end time.Time) (time.Time, error) {
	var last time.Time
	walk := newWalk(op)
	for !walk.done {
		var page struct {
			pages
			Events *[]wireEvent `json:"billing_events"`
		}
		query := walk.on(url.Values{
			"start": {start.Format(time.RFC3339)}, "end": {end.Format(time.RFC3339)},
			"api_key_id": {string(id)}, "limit": {strconv.Itoa(eventsPage)},
		})
		if err := p.asAdmin(ctx, rest.Call{Op: op, Path: "/models/billing-events", Query: query}, &page); err != nil {
			return time.Time{}, err
		}
		if page.Events == nil {
			return time.Time{}, fault.New(op, fault.Garbled, "the answer has no member billing_events")
		}
		for _, e := range *page.Events {
			at, err := time.Parse(time.RFC3339, e.At)
			if err != nil {
				return time.Time{}, fault.New(op, fault.Garbled, "an event has no readable time")
			}
			if !at.Before(start) && at.After(last) {
				last = at
			}
		}
		if err := walk.next(page.pages); err != nil {
			return time.Time{}, err
		}
	}
	return last, nil
}
