package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// SocialKey is the variable that holds the key of the service that posts.
const SocialKey = "AYRSHARE_API_KEY"

// posts are those of one environment that wait to be sent. All its instances
// share them, and a hook may hold them.
type posts struct {
	mu      sync.Mutex
	visits  int
	waiting int
	held    bool
	lost    int
}

// every is how many visits it takes until there is something to post.
const every = 5

// mostWaiting bounds what is kept.
const mostWaiting = 10000

// visited notes a visit, and takes what is to be sent now.
func (p *posts) visited() (send int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.visits++; p.visits%every == 0 && p.waiting < mostWaiting {
		p.waiting++
	}
	if p.held {
		return 0
	}
	send, p.waiting = p.waiting, 0
	return send
}

func (p *posts) lose(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost += n
}

// Hold keeps what is to be posted, or lets it go on with the next visit.
func (a *App) Hold(held bool) {
	a.o.posts.mu.Lock()
	defer a.o.posts.mu.Unlock()
	a.o.posts.held = held
}

// Held reports whether posts are kept.
func (a *App) Held() bool {
	a.o.posts.mu.Lock()
	defer a.o.posts.mu.Unlock()
	return a.o.posts.held
}

// LostPosts is how many posts were refused. Nobody sends them again: they might
// stand in public twice.
func (a *App) LostPosts() int {
	a.o.posts.mu.Lock()
	defer a.o.posts.mu.Unlock()
	return a.o.posts.lost
}

// social sends what is to be posted, and asks for the account's figures, which
// a page does without.
func (i *instance) social(ctx context.Context) error {
	var failed error
	for range i.o.posts.visited() {
		if err := i.ayrshare(ctx, http.MethodPost, "/api/post", `{"post":"Something new in the shop","platforms":["linkedin"]}`); err != nil {
			i.o.posts.lose(1)
			failed = err
		}
	}
	return errors.Join(failed, i.ayrshare(ctx, http.MethodGet, "/api/user", ""))
}

// ayrshare asks with the key this instance was started with, and logs a refusal
// as a client library would.
func (i *instance) ayrshare(ctx context.Context, method, path, body string) error {
	req, err := http.NewRequestWithContext(ctx, method, i.o.Social+path, strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("building a request to ayrshare: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+i.values[SocialKey])
	req.Header.Set("Content-Type", "application/json")
	res, err := i.o.Client.Do(req)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			i.log(`level=error msg="ayrshare: request did not go through"`)
		}
		return fmt.Errorf("asking ayrshare: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)); err != nil {
		return fmt.Errorf("reading the answer of ayrshare: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		i.log(fmt.Sprintf(`level=error msg="ayrshare: %d %s"`, res.StatusCode, http.StatusText(res.StatusCode)))
		return fmt.Errorf("asking ayrshare: status %d", res.StatusCode)
	}
	return nil
}
