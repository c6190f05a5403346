package sandbox

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/scan"
	"rekey/internal/sandbox/wire"
)

// Report is what the visitors of the application saw, both environments
// together.
type Report struct {
	Requests int `json:"app_requests"`
	Failed   int `json:"app_failed"`
	// Gap is the longer of the two environments' times without service.
	Gap float64 `json:"gap_seconds"`
	// Secrets is the same for the parts of pages that need one secret.
	Secrets map[string]Share `json:"secrets,omitempty"`
}

// Share is what the visitors saw of the parts that need one secret. First and
// Last are when a request for one failed; zero if none did.
type Share struct {
	Requests int       `json:"app_requests"`
	Failed   int       `json:"app_failed"`
	Gap      float64   `json:"gap_seconds"`
	First    time.Time `json:"first_failed,omitzero"`
	Last     time.Time `json:"last_failed,omitzero"`
}

// visit starts the traffic.
func (w *World) visit(ctx context.Context, perSecond float64) {
	ctx, cancel := context.WithCancel(ctx)
	w.quiet = cancel
	if perSecond < 0 {
		return
	}
	w.visitors[Production] = app.NewTraffic(w.endpoints.Production+"/", perSecond, w.Production.Uses()...)
	w.browse(ctx)
	w.visitors[Staging] = app.NewTraffic(w.endpoints.Staging+"/", perSecond/4, w.Staging.Uses()...)
	for _, t := range w.visitors {
		w.guests.Go(func() { t.Run(ctx) })
	}
}

// Visitors tells what the visitors of one environment saw.
func (w *World) Visitors(environment string) app.Totals {
	if t := w.visitors[environment]; t != nil {
		return t.Totals()
	}
	return app.Totals{}
}

// Report sums up what the visitors saw so far.
func (w *World) Report() Report {
	r := Report{Secrets: map[string]Share{}}
	for _, t := range w.visitors {
		n := t.Totals()
		r.Requests += n.Requests
		r.Failed += n.Failed
		r.Gap = max(r.Gap, n.Gap.Seconds())
	}
	for _, name := range w.Production.Uses() {
		r.Secrets[name] = w.share(name)
	}
	return r
}

// FailedFor is how many requests of one environment failed that need a secret.
func (w *World) FailedFor(environment, secret string) int {
	if t := w.visitors[environment]; t != nil {
		return t.Of(secret).Failed
	}
	return 0
}

func (w *World) share(secret string) Share {
	var all Share
	for _, t := range w.visitors {
		n := t.Of(secret)
		all.Requests += n.Requests
		all.Failed += n.Failed
		all.Gap = max(all.Gap, n.Gap.Seconds())
		if all.First.IsZero() || !n.First.IsZero() && n.First.Before(all.First) {
			all.First = n.First
		}
		if n.Last.After(all.Last) {
			all.Last = n.Last
		}
	}
	return all
}

// Issued lists every secret value the world ever issued or was given, under
// names that may be shown: keys of the services, living and dead, everything
// ever stored in the vault, the vault's tokens, and the bot's own credentials.
func (w *World) Issued() []scan.Secret {
	var all []scan.Secret
	for _, k := range w.Fal.Keys() {
		all = append(all, scan.Secret{Name: "fal " + string(k.Scope) + " key " + k.ID, Value: k.Value})
	}
	for _, k := range w.Anthropic.Keys() {
		all = append(all, scan.Secret{Name: "Anthropic key " + k.ID, Value: k.Value},
			scan.Secret{Name: "the secret part of Anthropic key " + k.ID, Value: secretPart(k.Value)})
	}
	all = append(all, w.issuedMedia()...)
	all = append(all, w.databaseSecrets()...)
	all = append(all, w.supabaseSecrets()...)
	all = append(all, w.issuedTraces()...)
	all = append(all, w.issuedMemory()...)
	all = append(all, w.issuedJobs()...)
	all = append(all, w.issuedSocial()...)
	all = append(all, w.issuedChain()...)
	c := w.tokens
	all = append(all,
		scan.Secret{Name: "Anthropic Admin API key", Value: c.AnthropicAdmin},
		scan.Secret{Name: "Slack app token", Value: c.SlackApp}, scan.Secret{Name: "Slack bot token", Value: c.SlackBot},
		scan.Secret{Name: "Infisical client secret", Value: c.InfisicalSecret},
		scan.Secret{Name: "deploy signing key", Value: c.Deploy}, scan.Secret{Name: "fingerprint key", Value: c.Fingerprint},
		scan.Secret{Name: "attestation key staging", Value: c.AttestStaging},
		scan.Secret{Name: "attestation key production", Value: c.AttestProduction},
	)
	for i, v := range w.Infisical.Issued() {
		if _, public := w.Langfuse.Key(v); public || w.isMediaID(v) {
			continue // half of a pair that may be shown
		}
		all = append(all, scan.Secret{Name: fmt.Sprintf("Infisical value or token %d", i+1), Value: v})
	}
	return all
}

// secretPart is what follows the words that all keys begin with: a half of it
// is more of a secret than a half of the whole.
func secretPart(value string) string {
	parts := strings.SplitN(value, "-", 4) // sk-ant-api03-…
	return parts[len(parts)-1]
}

// Output is something else to be searched, such as the bot's standard error.
type Output struct {
	Name string
	From io.Reader // read to its end
}

// Leaks searches for every issued secret in Redis, in every request to a service
// that has no business to see one (Slack, the deploy platform, the application,
// Loki), in what the bot left readable in the vault and at the services, and in
// the given outputs. An error means that the search was not complete. Call it
// before Close.
func (w *World) Leaks(ctx context.Context, outputs ...Output) ([]scan.Hit, error) {
	s := scan.New(w.Issued()...)
	hits, err := s.Redis(ctx, w.endpoints.Redis)
	if err != nil {
		return hits, err
	}
	for name, c := range w.recorders() {
		if n := c.Dropped(); n > 0 {
			return hits, fmt.Errorf("searching requests to %s: %d are no longer kept", name, n)
		}
		for q := range c.All() {
			hits = append(hits, s.Bytes(fmt.Sprintf("request %d to %s", q.Seq, name), q.Raw())...)
		}
	}
	for _, l := range w.labels() {
		hits = append(hits, s.Bytes(l[0], []byte(l[1]))...)
	}
	for _, o := range outputs {
		found, err := s.Reader(o.Name, o.From)
		hits = append(hits, found...)
		if err != nil {
			return hits, err
		}
	}
	return hits, nil
}

func (w *World) recorders() map[string]*wire.Recorder {
	all := map[string]*wire.Recorder{
		"Slack": w.Slack.Requests, "the deploy platform": w.Target.Requests, "Loki": w.Loki.Requests,
		"the application (staging)": w.Staging.Requests, "the application (production)": w.Production.Requests,
	}
	if w.PublicRPC != nil {
		all["the public RPC"] = w.PublicRPC.Requests
	}
	return all
}

// labels lists texts that others may read: where they are, and what they say.
func (w *World) labels() [][2]string {
	var all [][2]string
	for _, k := range w.Fal.Keys() {
		all = append(all, [2]string{"the alias of fal key " + k.ID, k.Alias})
	}
	for _, k := range w.Anthropic.Keys() {
		all = append(all, [2]string{"the name of Anthropic key " + k.ID, k.Name})
	}
	for _, t := range w.R2.Tokens() {
		all = append(all, [2]string{"the name of R2 token " + t.ID, t.Name})
	}
	all = append(all, w.databaseLabels()...)
	all = append(all, w.supabaseLabels()...)
	all = append(all, w.memoryLabels()...)
	all = append(all, w.jobsLabels()...)
	all = append(all, w.chainLabels()...)
	for _, k := range w.Langfuse.Keys() {
		all = append(all, [2]string{"the note of Langfuse key " + k.Public, k.Note})
	}
	for _, environment := range []string{Staging, Production} {
		at := w.Place(environment)
		for _, name := range w.Infisical.Names(at) {
			e, _ := w.Infisical.Read(at, name)
			where := "the metadata of " + name + " in " + environment
			for _, m := range e.Metadata {
				all = append(all, [2]string{where, m.Key + "=" + m.Value})
			}
			all = append(all, [2]string{"the comment of " + name + " in " + environment, e.Comment})
		}
	}
	return all
}
