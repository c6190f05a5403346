package main

import (
	"fmt"
	"net/http"

	"rekey/bot/config"
	"rekey/deploy"
	"rekey/deploy/httpcheck"
	"rekey/deploy/loki"
	"rekey/rotation"
	"rekey/rotation/watch"
)

// checkOf builds a check of a watch. A request of our own sees the present
// only; a log can be asked about any past minute.
func checkOf(c config.Check) (rotation.Check, error) {
	built := rotation.Check{Name: c.Name, Required: c.Required}
	var err error
	if c.HTTP != nil {
		built.Instant = true
		built.Check, err = httpCheck(*c.HTTP)
		return built, err
	}
	built.Unit = watch.Count
	built.Check, err = lokiCheck(*c.Loki)
	return built, err
}

// affected adds the check of one secret to an environment.
func affected(s rotation.Stage, a config.Affected, environment string) (rotation.Stage, error) {
	probe := a.In(environment)
	if probe == nil {
		s.NoAffected = a.None
		return s, nil
	}
	check, err := httpCheck(*probe.HTTP)
	if err != nil {
		return s, fmt.Errorf("affected in %s: %w", environment, err)
	}
	s.Affected, s.Free = check, probe.Free
	return s, nil
}

// lokiCheck builds a count of log lines.
func lokiCheck(l config.Loki) (deploy.Check, error) {
	c := loki.Config{
		URL: l.URL, Tenant: l.Tenant, User: l.User,
		Query: l.Query, Errors: l.Errors, Requests: l.Requests, Step: l.Step, Timeout: l.Timeout,
	}
	if !l.Token.IsZero() {
		c.Token = reader(l.Token)
	}
	return loki.New(c)
}

// httpCheck builds a request of our own.
func httpCheck(h config.HTTP) (deploy.Check, error) {
	header := http.Header{}
	for name, value := range h.Header {
		header.Set(name, value)
	}
	return httpcheck.New(httpcheck.Config{
		URL: h.URL, Method: h.Method, Header: header, Body: h.Body,
		Status: h.Status, Match: h.Match, JSON: h.JSON, Latency: h.Latency, Timeout: h.Timeout, Reference: h.Reference,
	})
}
