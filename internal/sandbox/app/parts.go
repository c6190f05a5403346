package app

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"
	"sync"

	"rekey/internal/sandbox/wire"
)

// part is one thing that the application does for its visitors, and the secret
// it needs for it.
type part struct {
	secret string // by its name in the catalogue
	path   string // below /api/: this part alone
	sorry  string // what people read when it fails
	// spared says that a page does without it; its failure is counted all the
	// same.
	spared bool
	used   func(*Options) bool
	// make asks the service and returns what it puts into a page.
	make func(*instance, context.Context) (string, error)
	// own answers at the part's address where there is more to say than whether
	// it is well; nil elsewhere.
	own func(*instance, http.ResponseWriter, *http.Request)
}

// parts are all there are, in the order of a page.
func parts() []part {
	return []part{
		{secret: FalKey, path: "generate", sorry: "no picture today", used: func(o *Options) bool { return o.Fal != "" }, make: (*instance).picture},
		{secret: AnthropicKey, path: "write", sorry: "nothing to read today", used: func(o *Options) bool { return o.Anthropic != "" }, make: (*instance).paragraph},
		{secret: MediaKeyID, path: "media", sorry: "nothing to see today", used: func(o *Options) bool { return o.Media != (Media{}) }, make: silently((*instance).object)},
		{secret: SupabaseKey, path: "products", sorry: "nothing to sell today", used: func(o *Options) bool { return o.Supabase != "" }, make: silently((*instance).rows)},
		{secret: RedisToken, path: "limit", sorry: "nobody is let in today", used: func(o *Options) bool { return o.Redis != "" }, make: silently((*instance).admitted)},
		{secret: JWTSecret, path: "session", sorry: "nobody is signed in today", used: func(o *Options) bool { return o.Sessions != nil }, make: silently((*instance).session)},
		{secret: LangfuseSecret, path: "trace", sorry: "traces are lost", spared: true, used: func(o *Options) bool { return o.Langfuse != "" }, make: silently((*instance).send)},
		{secret: MemoryKey, path: "recall", sorry: "nothing is remembered today", used: func(o *Options) bool { return o.Memory != (Memory{}) }, make: silently((*instance).recall)},
		{secret: SocialKey, path: "social", sorry: "nothing is posted today", spared: true, used: func(o *Options) bool { return o.Social != "" }, make: silently((*instance).social)},
		{secret: JobsKey, path: "job", sorry: "nothing is done today", used: func(o *Options) bool { return o.Jobs != "" }, make: silently((*instance).job)},
		{secret: ChainURL, path: "chain", sorry: "the chain is slow today", spared: true, used: func(o *Options) bool { return o.PublicRPC != "" }, make: silently((*instance).slot), own: (*instance).chain},
	}
}

// silently is for parts that show nothing in a page.
func silently(fn func(*instance, context.Context) error) func(*instance, context.Context) (string, error) {
	return func(i *instance, ctx context.Context) (string, error) { return "", fn(i, ctx) }
}

// parts are those that this environment uses.
func (o *Options) parts() []part {
	return slices.DeleteFunc(parts(), func(p part) bool { return !p.used(o) })
}

// Uses lists the secrets that the application needs for its pages.
func (a *App) Uses() []string {
	var all []string
	for _, p := range a.o.parts() {
		all = append(all, p.secret)
	}
	return all
}

// withoutHeader names in a page's answer the secrets whose parts failed,
// divided by spaces.
const withoutHeader = "X-Without"

// page is what visitors load. Its parts are made side by side: one that hangs
// holds up none of the others.
func (i *instance) page(w http.ResponseWriter, r *http.Request) {
	used := i.o.parts()
	shown, errs := make([]string, len(used)), make([]error, len(used))
	var wg sync.WaitGroup
	for n, p := range used {
		wg.Go(func() { shown[n], errs[n] = p.make(i, r.Context()) })
	}
	wg.Wait()
	var without []string
	sorry := ""
	for n, p := range used {
		if errs[n] == nil {
			continue
		}
		without = append(without, p.secret)
		if sorry == "" && !p.spared {
			sorry = p.sorry
		}
	}
	if len(without) > 0 {
		w.Header().Set(withoutHeader, strings.Join(without, " "))
	}
	if sorry != "" {
		http.Error(w, sorry, http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, "<!doctype html><title>%s</title>%s", i.o.Name, strings.Join(shown, "")+i.tags)
}

// alone does one part, or says that it cannot; nothing else can fail there.
func (i *instance) alone(p part) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := p.make(i, r.Context()); err != nil {
			wire.JSON(w, http.StatusBadGateway, map[string]any{"ok": false, "error": p.sorry})
			return
		}
		wire.JSON(w, http.StatusOK, map[string]any{"ok": true})
	}
}

// picture shows an image.
func (i *instance) picture(ctx context.Context) (string, error) {
	url, err := i.image(ctx)
	return fmt.Sprintf("<img src=%q>", url), err
}

// paragraph shows a text.
func (i *instance) paragraph(ctx context.Context) (string, error) {
	text, err := i.text(ctx)
	return "<p>" + html.EscapeString(text), err
}
