package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"strings"
	"time"

	"rekey/internal/sandbox/loki"
	"rekey/internal/sandbox/wire"
)

// The variables that hold the keys of the model services.
const (
	FalKey       = "FAL_KEY"
	AnthropicKey = "ANTHROPIC_API_KEY"
	SupabaseKey  = "SUPABASE_SERVICE_ROLE_KEY"
)

// instance is one running copy of the application. Its values never change.
type instance struct {
	o          *Options
	id         string
	deployment string
	values     map[string]string
	mux        *http.ServeMux
}

func newInstance(o *Options, id, deployment string, values map[string]string) *instance {
	i := &instance{o: o, id: id, deployment: deployment, values: values, mux: http.NewServeMux()}
	i.mux.HandleFunc("GET /{$}", i.page)
	i.mux.HandleFunc("/api/generate", i.generate)
	i.mux.HandleFunc("/api/write", i.write)
	i.mux.HandleFunc("/api/media", i.media)
	i.mux.HandleFunc("/api/products", i.products)
	i.mux.HandleFunc("/api/trace", i.trace)
	i.mux.HandleFunc("POST /rekey/attest", i.attest)
	i.mux.HandleFunc("GET /healthz", i.health)
	return i
}

// ServeHTTP handles a request and logs a line about it.
func (i *instance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	c := &counted{ResponseWriter: w, status: http.StatusOK}
	w.Header().Set("X-Instance", i.id)
	w.Header().Set("X-Deployment", i.deployment)
	i.mux.ServeHTTP(c, r)
	level := "info"
	if c.status >= 500 {
		level = "error"
	}
	i.log(fmt.Sprintf("level=%s msg=request method=%s path=%s status=%d duration_ms=%d",
		level, r.Method, r.URL.Path, c.status, time.Since(began).Milliseconds()))
}

// log writes a line with the instance's name; the deployment is a label, too.
func (i *instance) log(text string) {
	if i.o.Logs == nil {
		return
	}
	i.o.Logs.Push(loki.Labels{"app": i.o.Name, "env": i.o.Environment, "deployment": i.deployment},
		text+" deployment="+i.deployment+" instance="+i.id)
}

// page is what visitors load: it needs an image, a text and an object.
func (i *instance) page(w http.ResponseWriter, r *http.Request) {
	url, err := i.image(r.Context())
	if err != nil {
		http.Error(w, "no picture today", http.StatusBadGateway)
		return
	}
	text := ""
	if i.o.Anthropic != "" {
		if text, err = i.text(r.Context()); err != nil {
			http.Error(w, "nothing to read today", http.StatusBadGateway)
			return
		}
	}
	if i.o.Media != (Media{}) {
		if err := i.object(r.Context()); err != nil {
			http.Error(w, "nothing to see today", http.StatusBadGateway)
			return
		}
	}
	if i.o.Supabase != "" {
		if err := i.rows(r.Context()); err != nil {
			http.Error(w, "nothing to sell today", http.StatusBadGateway)
			return
		}
	}
	i.traced(r.Context())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, "<!doctype html><title>%s</title><img src=%q><p>%s", i.o.Name, url, html.EscapeString(text))
}

// generate makes one image, or says that it cannot; nothing else can fail here.
func (i *instance) generate(w http.ResponseWriter, r *http.Request) {
	if _, err := i.image(r.Context()); err != nil {
		wire.JSON(w, http.StatusBadGateway, map[string]any{"ok": false, "error": "image generation is unavailable"})
		return
	}
	wire.JSON(w, http.StatusOK, map[string]any{"ok": true})
}

func (i *instance) health(w http.ResponseWriter, _ *http.Request) {
	wire.JSON(w, http.StatusOK, map[string]string{"status": "ok", "instance": i.id, "deployment": i.deployment})
}

// image asks the model service with the key this instance was started with, and
// logs a refusal as a client library would.
func (i *instance) image(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.o.Fal+"/fal-ai/flux/dev", strings.NewReader(`{"prompt":"a lighthouse"}`))
	if err != nil {
		return "", fmt.Errorf("building model request: %w", err)
	}
	req.Header.Set("Authorization", "Key "+i.values[FalKey])
	req.Header.Set("Content-Type", "application/json")
	res, err := i.o.Client.Do(req)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			i.log(`level=error msg="fal: request did not go through"`)
		}
		return "", fmt.Errorf("calling model: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return "", fmt.Errorf("reading model answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		var said struct{ Detail string }
		_ = json.Unmarshal(body, &said) // an answer without a detail is logged without one
		i.log(fmt.Sprintf(`level=error msg="fal: %d %s: %s"`, res.StatusCode, http.StatusText(res.StatusCode), said.Detail))
		return "", fmt.Errorf("calling model: status %d", res.StatusCode)
	}
	var made struct{ Images []struct{ URL string } }
	if err := json.Unmarshal(body, &made); err != nil || len(made.Images) == 0 {
		return "", fmt.Errorf("reading model answer: no image in it")
	}
	return made.Images[0].URL, nil
}

// counted remembers the status of an answer.
type counted struct {
	http.ResponseWriter
	status int
}

func (c *counted) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}
