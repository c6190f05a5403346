package app

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Totals is what the visitors of an application saw, of whole pages or of the
// parts that need one secret.
type Totals struct {
	Requests int
	Failed   int
	// Gap is the sum of the times from a failed request to the next that went
	// well; an outage that has not ended counts up to now.
	Gap time.Duration
	// First and Last are when a request failed; zero if none did.
	First, Last time.Time
}

// tally counts one sort of request.
type tally struct {
	totals Totals
	down   time.Time // since then every request failed; zero while it goes well
}

// Traffic visits an application at a steady rate. Use NewTraffic.
type Traffic struct {
	url    string
	every  time.Duration
	client *http.Client
	slots  chan struct{} // bounds the visits under way

	mu    sync.Mutex
	pages tally
	parts map[string]*tally // by the secret they need
}

// visitTimeout is how long a visitor waits.
const visitTimeout = 10 * time.Second

// NewTraffic returns a generator of perSecond visits to a URL, whose pages need
// these secrets. At most as many visits are under way as fall into a visitor's
// patience of 10 s; one that finds no room has failed.
func NewTraffic(url string, perSecond float64, secrets ...string) *Traffic {
	t := &Traffic{
		url: url, every: time.Duration(float64(time.Second) / perSecond),
		client: &http.Client{Timeout: visitTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 32}},
		slots:  make(chan struct{}, int(perSecond*visitTimeout.Seconds())+1),
		parts:  map[string]*tally{},
	}
	for _, name := range secrets {
		t.parts[name] = &tally{}
	}
	return t
}

// Run visits until the context ends, then waits for the visits under way; they
// are still counted.
func (t *Traffic) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer t.client.CloseIdleConnections()
	defer wg.Wait()
	tick := time.NewTicker(t.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		select {
		case t.slots <- struct{}{}:
			wg.Go(func() {
				ok, without := t.visit(context.WithoutCancel(ctx)) // a visit under way is still counted
				<-t.slots
				t.note(time.Now(), ok, without...)
			})
		default:
			t.note(time.Now(), false)
		}
	}
}

// visit loads the page and tells whether it was there, and which secrets' parts
// were missing.
func (t *Traffic) visit(ctx context.Context) (ok bool, without []string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url, nil)
	if err != nil {
		return false, nil
	}
	res, err := t.client.Do(req)
	if err != nil {
		return false, nil
	}
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	return err == nil && res.StatusCode == http.StatusOK, strings.Fields(res.Header.Get(withoutHeader))
}

// note counts a visit. One that failed and does not say what was missing had
// no part at all.
func (t *Traffic) note(at time.Time, ok bool, without ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pages.note(at, ok)
	for name, part := range t.parts {
		missing := slices.Contains(without, name) || !ok && len(without) == 0
		part.note(at, !missing)
	}
}

func (t *tally) note(at time.Time, ok bool) {
	t.totals.Requests++
	switch {
	case !ok:
		t.totals.Failed++
		t.totals.Last = at
		if t.totals.First.IsZero() {
			t.totals.First = at
		}
		if t.down.IsZero() {
			t.down = at
		}
	case !t.down.IsZero():
		t.totals.Gap += at.Sub(t.down)
		t.down = time.Time{}
	}
}

func (t *tally) sum() Totals {
	all := t.totals
	if !t.down.IsZero() {
		all.Gap += time.Since(t.down)
	}
	return all
}

// Totals is the count of pages so far.
func (t *Traffic) Totals() Totals {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pages.sum()
}

// Of is the count so far of the parts that need one secret.
func (t *Traffic) Of(secret string) Totals {
	t.mu.Lock()
	defer t.mu.Unlock()
	if part := t.parts[secret]; part != nil {
		return part.sum()
	}
	return Totals{}
}
