package app

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// Totals is what the visitors of an application saw.
type Totals struct {
	Requests int
	Failed   int
	// Gap is the sum of the times from a failed request to the next that went
	// well; an outage that has not ended counts up to now.
	Gap time.Duration
}

// Traffic visits an application at a steady rate. Use NewTraffic.
type Traffic struct {
	url    string
	every  time.Duration
	client *http.Client
	slots  chan struct{} // bounds the visits under way

	mu     sync.Mutex
	totals Totals
	down   time.Time // since then every visit failed; zero while it goes well
}

// visitTimeout is how long a visitor waits.
const visitTimeout = 10 * time.Second

// NewTraffic returns a generator of perSecond visits to a URL. At most as many
// visits are under way as fall into a visitor's patience of 10 s; one that finds
// no room has failed.
func NewTraffic(url string, perSecond float64) *Traffic {
	return &Traffic{
		url: url, every: time.Duration(float64(time.Second) / perSecond),
		client: &http.Client{Timeout: visitTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 32}},
		slots:  make(chan struct{}, int(perSecond*visitTimeout.Seconds())+1),
	}
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
				ok := t.visit(context.WithoutCancel(ctx)) // a visit under way is still counted
				<-t.slots
				t.note(time.Now(), ok)
			})
		default:
			t.note(time.Now(), false)
		}
	}
}

func (t *Traffic) visit(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url, nil)
	if err != nil {
		return false
	}
	res, err := t.client.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	return err == nil && res.StatusCode == http.StatusOK
}

func (t *Traffic) note(at time.Time, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.totals.Requests++
	switch {
	case !ok:
		t.totals.Failed++
		if t.down.IsZero() {
			t.down = at
		}
	case !t.down.IsZero():
		t.totals.Gap += at.Sub(t.down)
		t.down = time.Time{}
	}
}

// Totals is the count so far.
func (t *Traffic) Totals() Totals {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.totals
	if !t.down.IsZero() {
		all.Gap += time.Since(t.down)
	}
	return all
}
