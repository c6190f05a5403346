package webhook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
)

// Config of a [Deployer]. Zero fields mean the defaults named.
type Config struct {
	URL         string                                          // takes the trigger; https, or http on loopback
	Secret      func(ctx context.Context) (secret.Value, error) // signs; read before each call
	StatusURL   string                                          // with {id}, for targets that answer none of their own
	StatusHosts []string                                        // hosts ("host" or "host:port") beside URL's own at which an answered status URL may lie
	NotYet      time.Duration                                   // how long a target may answer 404 for a new deployment, default 60 s
	Unreachable int                                             // unanswered questions in a row after which the state is unknown, default 3
	Timeout     time.Duration                                   // of one call, default 15 s
	HTTP        *http.Client                                    // copied; default: the zero http.Client
}

// Deployer deploys by one webhook. It may be used by several goroutines.
type Deployer struct {
	config Config
	hook   endpoint
	hosts  []string
	memory memory
}

// New checks the configuration and fills in the defaults.
func New(c Config) (*Deployer, error) {
	c.NotYet = cmp.Or(c.NotYet, time.Minute)
	c.Unreachable = cmp.Or(c.Unreachable, 3)
	switch {
	case c.Secret == nil:
		return nil, errors.New("webhook: there is no secret to sign with")
	case c.NotYet < 0 || c.Unreachable < 0:
		return nil, errors.New("webhook: limits must not be negative")
	case c.StatusURL != "" && !strings.Contains(c.StatusURL, idPlace):
		return nil, errors.New("webhook: the status URL has no " + idPlace)
	}
	hook, err := parseEndpoint(c.URL)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	d := &Deployer{config: c, hook: hook, hosts: append([]string{hook.host}, c.StatusHosts...)}
	if c.StatusURL != "" {
		template, err := parseEndpoint(d.statusURL("id"))
		if err != nil {
			return nil, fmt.Errorf("webhook: status: %w", err)
		}
		d.hosts = append(d.hosts, template.host)
	}
	return d, nil
}

// idPlace stands for the deployment request's id in a configured status URL.
const idPlace = "{id}"

// statusURL is where the configuration says that a request is followed.
func (d *Deployer) statusURL(id string) string {
	return strings.ReplaceAll(d.config.StatusURL, idPlace, url.PathEscape(id))
}

// trigger is the body of a request.
type trigger struct {
	ID          string   `json:"id"`
	Environment string   `json:"environment"`
	Reason      string   `json:"reason"`
	Secrets     []string `json:"secrets"`
	RequestedBy string   `json:"requested_by"`
	Attempt     int      `json:"attempt"`
	Rebuild     bool     `json:"rebuild,omitempty"`
}

// accepted is what a target may answer.
type accepted struct {
	StatusURL     string `json:"status_url"`
	DeploymentURL string `json:"deployment_url"`
	Deployment    string `json:"deployment"`
}

// Trigger sends the signed request. fault.Lost means that it may have been
// taken; sending it again with the same id is then safe.
func (d *Deployer) Trigger(ctx context.Context, r deploy.Request) (deploy.Handle, error) {
	op := "starting a deployment of " + r.Environment
	if r.ID == "" {
		return deploy.Handle{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "the request has no id"}
	}
	names := r.Secrets
	if names == nil {
		names = []string{}
	}
	var answer accepted
	reply, err := d.call(ctx, d.hook, rest.Call{
		Op: op, Method: http.MethodPost, Write: true, OK: []int{200, 201, 202, 204},
		Header: http.Header{"Idempotency-Key": {r.ID}},
		Body:   trigger{r.ID, r.Environment, r.Reason, names, r.RequestedBy, r.Attempt, r.Rebuild},
	}, &answer)
	if saysNothing(reply, err) {
		answer, err = accepted{}, nil
	}
	if err != nil {
		return deploy.Handle{}, err
	}
	d.memory.begin(r.ID, time.Now())
	status, err := d.follow(op, answer.StatusURL, r.ID)
	if err != nil {
		return deploy.Handle{}, err
	}
	return deploy.Handle{
		ID: r.ID, StatusURL: status, Deployment: deploymentName(answer.Deployment), URL: d.link(answer.DeploymentURL),
	}, nil
}

// saysNothing reports an accepting answer without JSON: an empty body, or a
// word in plain text. The deployment runs; only a page of HTML in its place
// (somebody else answered) or broken JSON leaves that open.
func saysNothing(reply rest.Answer, err error) bool {
	if !fault.Is(err, fault.Garbled) || reply.Status < 200 || reply.Status > 299 {
		return false
	}
	kind, _, _ := strings.Cut(reply.Header.Get("Content-Type"), ";")
	return reply.Status == http.StatusNoContent || kind == "" || kind == "text/plain" || reply.Header.Get("Content-Length") == "0"
}

// follow decides where a deployment is followed. An empty result means nowhere.
func (d *Deployer) follow(op, answered, id string) (string, error) {
	if answered != "" {
		target, err := d.resolve(answered)
		if err == nil {
			return target.String(), nil
		}
		if d.config.StatusURL == "" {
			return "", &fault.Error{Op: op, Class: fault.Ask, Reason: fault.Garbled, Err: err,
				Detail: "the deployment was started, and its status address is not one of the configured hosts"}
		}
	}
	if d.config.StatusURL == "" {
		return "", nil
	}
	return d.statusURL(id), nil
}

// resolve reads a status URL, which may be relative to the webhook's, and
// refuses hosts that nobody configured.
func (d *Deployer) resolve(text string) (endpoint, error) {
	ref, err := url.Parse(text)
	if err != nil {
		return endpoint{}, errors.New("the status URL is malformed")
	}
	base := url.URL{Scheme: d.hook.scheme, Host: d.hook.host, Path: "/"}
	target, err := parseEndpoint(base.ResolveReference(ref).String())
	if err != nil {
		return endpoint{}, err
	}
	for _, host := range d.hosts {
		if strings.EqualFold(host, target.host) {
			return target, nil
		}
	}
	return endpoint{}, errors.New("the status URL lies at a host that is not configured")
}

// link is a URL for people, or nothing where it is not one.
func (d *Deployer) link(text string) string {
	const longest = 500
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || len(text) > longest {
		return ""
	}
	return u.String()
}
