package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	tags       string // of the scripts of its build
}

func newInstance(o *Options, id, deployment string, values map[string]string) *instance {
	i := &instance{o: o, id: id, deployment: deployment, values: values, mux: http.NewServeMux()}
	i.tags = o.scripts.build(deployment, values)
	i.mux.HandleFunc("GET /{$}", i.page)
	for _, p := range o.parts() {
		if p.own != nil {
			i.mux.HandleFunc("/api/"+p.path, func(w http.ResponseWriter, r *http.Request) { p.own(i, w, r) })
			continue
		}
		i.mux.HandleFunc("/api/"+p.path, i.alone(p))
	}
	i.mux.HandleFunc("GET /api/me", i.me)
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
