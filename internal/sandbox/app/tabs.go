package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Tabs are browsers that open pages of an application and leave them open: each
// goes on with the scripts it has loaded, whatever is deployed meanwhile. Use
// NewTabs.
type Tabs struct {
	page, public string
	every, keep  time.Duration
	client       *http.Client

	mu    sync.Mutex
	open  []tab
	asked int
	lost  int // questions for which the tab's own address did not do
}

type tab struct {
	address string
	opened  time.Time
}

// maxTabs bounds how many are open.
const maxTabs = 1000

// NewTabs opens a page so often and keeps each tab for so long. A tab whose
// address is refused asks the public RPC.
func NewTabs(page, public string, every, keep time.Duration) *Tabs {
	return &Tabs{page: page, public: public, every: every, keep: keep, client: &http.Client{Timeout: visitTimeout}}
}

// Run opens tabs and has the newest and the oldest ask, until the context ends.
func (t *Tabs) Run(ctx context.Context) {
	defer t.client.CloseIdleConnections()
	tick := time.NewTicker(t.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// A page that cannot be loaded now is somebody else's finding.
		if address, err := t.load(ctx); err == nil {
			t.add(address)
		}
		for _, address := range t.ends() {
			t.ask(ctx, address)
		}
	}
}

func (t *Tabs) add(address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.open = append(t.open, tab{address, now})
	for len(t.open) > maxTabs || now.Sub(t.open[0].opened) > t.keep {
		t.open = t.open[1:]
	}
}

// ends are the addresses that the oldest and the newest tab have.
func (t *Tabs) ends() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.open) == 0 {
		return nil
	}
	return []string{t.open[0].address, t.open[len(t.open)-1].address}
}

func (t *Tabs) ask(ctx context.Context, address string) {
	_, err := askSlot(ctx, t.client, address)
	if ctx.Err() != nil {
		return
	}
	t.mu.Lock()
	t.asked++
	if err != nil {
		t.lost++
	}
	t.mu.Unlock()
	if err != nil {
		_, _ = askSlot(ctx, t.client, t.public) // the visitor does not notice
	}
}

// Totals counts what tabs asked, and how often their own address did not do.
func (t *Tabs) Totals() (asked, lost int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked, t.lost
}

var (
	mainTag = regexp.MustCompile(`<script src="([^"]+)"`)
	chunkOf = regexp.MustCompile(`\{(\d+):"([0-9a-f]+)"\}`)
)

// load opens a page as a browser does: the page, its script, and the chunk that
// the script loads.
func (t *Tabs) load(ctx context.Context) (string, error) {
	page, err := t.get(ctx, t.page)
	if err != nil {
		return "", err
	}
	main := mainTag.FindStringSubmatch(page)
	if main == nil {
		return "", errors.New("the page has no script")
	}
	at, err := url.Parse(t.page)
	if err != nil {
		return "", fmt.Errorf("reading the page's address: %w", err)
	}
	script, err := t.get(ctx, at.JoinPath(main[1]).String())
	if err != nil {
		return "", err
	}
	chunk := chunkOf.FindStringSubmatch(script)
	if chunk == nil {
		return "", errors.New("the script names no chunk")
	}
	text, err := t.get(ctx, at.JoinPath(scriptsAt, chunk[1]+"."+chunk[2]+".js").String())
	if err != nil {
		return "", err
	}
	env := map[string]string{}
	if err := json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimPrefix(text, "self.env="), ";")), &env); err != nil {
		return "", errors.New("the chunk holds no values")
	}
	return env[ChainURL], nil
}

func (t *Tabs) get(ctx context.Context, address string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", fmt.Errorf("building a request for a page: %w", err)
	}
	res, err := t.client.Do(req)
	if err != nil {
		return "", fmt.Errorf("loading a page: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil || res.StatusCode != http.StatusOK {
		return "", errors.New("loading a page: it is not there")
	}
	return string(body), nil
}
