package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"

	"rekey/internal/sandbox/anthropic"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/ayrshare"
	"rekey/internal/sandbox/fal"
	"rekey/internal/sandbox/helius"
	"rekey/internal/sandbox/infisical"
	"rekey/internal/sandbox/langfuse"
	"rekey/internal/sandbox/loki"
	"rekey/internal/sandbox/mem0"
	"rekey/internal/sandbox/r2"
	"rekey/internal/sandbox/slack"
	"rekey/internal/sandbox/supabase"
	"rekey/internal/sandbox/triggerdev"
	"rekey/internal/sandbox/upstash"
)

// Options sets a world up. The zero value is a small, quick one.
type Options struct {
	// Redis is the URL of a server to use, redis://host:port/db; nothing in it
	// is deleted. Empty means an embedded one.
	Redis string
	// Speed divides the waits of the world itself: builds, boots, Slack's rate
	// windows. Zero means 1. Speed 1 is quick already: a deployment takes about
	// three seconds.
	Speed float64
	// Visits per second in production, and a quarter of them in staging. Zero
	// means 20; negative means none.
	Visits float64
	// Age of the FAL_KEY in both environments. Zero means 120 days.
	Age time.Duration
	// Also names secrets that the application uses besides those it always
	// does: R2_ACCESS_KEY_ID, UPSTASH_REDIS_REST_TOKEN,
	// SUPABASE_SERVICE_ROLE_KEY, JWT_SECRET, LANGFUSE_SECRET_KEY,
	// MEM0_API_KEY, TRIGGER_API_KEY, AYRSHARE_API_KEY, NEXT_PUBLIC_HELIUS_RPC_URL. Others
	// cost nothing.
	Also []string
	// OwnRedisToken lets the application run on its databases' own credentials at
	// Upstash, instead of a user's.
	OwnRedisToken bool
	// OneMedia gives both environments the same key and buckets of R2.
	OneMedia bool
	// LegacySupabase has the application begin with the legacy service_role keys
	// of its projects.
	LegacySupabase bool
	// OneSocial gives both environments the same account at Ayrshare.
	OneSocial bool
	// OwnMemory says that the application uses a Mem0 server of one's own, and
	// not the platform.
	OwnMemory bool
	// NoLangfuseAPI is a plan of Langfuse's without the API for keys.
	NoLangfuseAPI bool
	// ChainPortal gives the bot the token of a session at Helius's portal.
	ChainPortal bool
	// OneChainKey is a plan of Helius's with one key for each project.
	OneChainKey bool
	// RootJobs has the application use the root keys of Trigger.dev.
	RootJobs bool
	// NotMigrated leaves Supabase's projects with their legacy JWT secrets, as
	// they were before signing keys.
	NotMigrated bool
	// History gives the Slack app the scope to read messages back.
	History bool
}

// World is everything outside the bot. Use Start.
type World struct {
	Slack      *slack.Server
	Infisical  *infisical.Server
	Fal        *fal.Server
	Anthropic  *anthropic.Server
	R2         *r2.Server
	Upstash    *upstash.Server  // nil unless its token is played
	Supabase   *supabase.Server // nil unless its key is played
	Langfuse   *langfuse.Server
	Mem0       *mem0.Server       // nil unless its key is played
	Mem0Own    *mem0.Server       // the same
	Trigger    *triggerdev.Server // nil unless its key is played
	Ayrshare   *ayrshare.Server   // the same
	Helius     *helius.Server     // nil unless its address is played
	PublicRPC  *helius.Public     // the same: what the application falls back to
	Loki       *loki.Server
	Staging    *app.App
	Production *app.App
	Target     *app.Target

	seeded
	writes    writes
	requests  requests
	clipboard clipboard
	consoles  consoles
	endpoints Endpoints
	mini      *miniredis.Miniredis
	visitors  map[string]*app.Traffic

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	quiet  context.CancelFunc // ends the traffic
	guests sync.WaitGroup     // the traffic
	stops  []func()
}

// Start brings a world up. It ends with Close, or with the context.
func Start(ctx context.Context, o Options) (*World, error) {
	if o.Speed <= 0 {
		o.Speed = 1
	}
	if o.Visits == 0 {
		o.Visits = 20
	}
	if o.Age == 0 {
		o.Age = 120 * 24 * time.Hour
	}
	w := &World{visitors: map[string]*app.Traffic{}}
	ctx, cancel := context.WithCancel(ctx)
	w.ctx, w.cancel = ctx, cancel
	if err := w.open(ctx, o); err != nil {
		w.Close()
		return nil, err
	}
	w.watchWrites()
	w.visit(ctx, o.Visits)
	return w, nil
}

// open makes every service and puts it on its port. Those that others ask come
// first.
func (w *World) open(ctx context.Context, o Options) error {
	if err := w.seed(o); err != nil {
		return err
	}
	steps := []struct {
		to      *string
		suffix  string
		handler func() http.Handler
	}{
		{&w.endpoints.Fal, "", w.Fal.Handler},
		{&w.endpoints.Anthropic, "", w.Anthropic.Handler},
		{&w.endpoints.R2, "", w.R2.Handler},
		{&w.endpoints.Upstash, "", w.databasesHandler},
		{&w.endpoints.Supabase, "", w.supabaseHandler},
		{&w.endpoints.Langfuse, "", w.Langfuse.Handler},
		{&w.endpoints.Mem0, "", w.memoryHandler},
		{&w.endpoints.Mem0Own, "", w.ownMemoryHandler},
		{&w.endpoints.Trigger, "", w.jobsHandler},
		{&w.endpoints.Ayrshare, "", w.socialHandler},
		{&w.endpoints.Infisical, "", w.Infisical.Handler},
		{&w.endpoints.Slack, "/api/", func() http.Handler { return w.cards(w.Slack.Handler()) }},
		{&w.endpoints.Loki, "", w.Loki.Handler},
		{&w.endpoints.Staging, "", func() http.Handler { w.buildApps(o); return w.Staging.Handler() }},
		{&w.endpoints.Production, "", func() http.Handler { return w.Production.Handler() }},
		{&w.endpoints.Deploy, "/deploy", func() http.Handler { w.buildTarget(ctx, o); return w.Target.Handler() }},
		{&w.endpoints.Control, "", w.front},
	}
	for _, s := range steps {
		h := s.handler()
		if h == nil {
			continue // nobody plays it
		}
		base, err := w.serve(h)
		if err != nil {
			return err
		}
		*s.to = base + s.suffix
	}
	return w.openRedis(o.Redis)
}

// serve puts a handler on a free port of the loopback and returns its base URL.
func (w *World) serve(h http.Handler) (string, error) {
	var c net.ListenConfig
	l, err := c.Listen(w.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listening on loopback: %w", err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: silent}
	w.wg.Go(func() { _ = s.Serve(l) }) // ends with http.ErrServerClosed
	w.stops = append(w.stops, func() { _ = s.Close() })
	return "http://" + l.Addr().String(), nil
}

// openRedis starts the embedded server unless there is a real one. The embedded
// one has no clock of its own for expiry: it is moved on here.
func (w *World) openRedis(url string) error {
	w.endpoints.Redis = url
	if url != "" {
		return nil
	}
	w.mini = miniredis.NewMiniRedis()
	if err := w.mini.StartAddr("127.0.0.1:0"); err != nil {
		return fmt.Errorf("starting embedded Redis: %w", err)
	}
	w.endpoints.Redis = "redis://" + w.mini.Addr() + "/0"
	w.wg.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for last := time.Now(); ; {
			select {
			case <-w.ctx.Done():
				return
			case now := <-tick.C:
				w.mini.FastForward(now.Sub(last))
				last = now
			}
		}
	})
	return nil
}

// FlushRedis empties the embedded database, as a lost disk does.
func (w *World) FlushRedis() error {
	if w.mini == nil {
		return errors.New("emptying Redis: it is not the world's own")
	}
	w.mini.FlushAll()
	return nil
}

// Rest ends the traffic and waits for the visits under way, so that the counts
// stand still. The rest of the world goes on. It may be called twice.
func (w *World) Rest() {
	if w.quiet != nil {
		w.quiet()
	}
	w.guests.Wait()
}

// Close ends the traffic, then everything else, and waits. The report stays
// readable. It may be called twice.
func (w *World) Close() {
	w.Rest()
	w.cancel()
	if w.Target != nil {
		w.Target.Close()
	}
	if w.Slack != nil {
		w.Slack.Close()
	}
	for _, stop := range w.stops {
		stop()
	}
	if w.mini != nil {
		w.mini.Close()
	}
	w.wg.Wait()
}
