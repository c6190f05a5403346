// Package bearer asks an application whether it lets in who bears a token.
//
// # The model
//
// A [Gate] is one address of the application that answers 2xx to a valid token
// in the header Authorization and 401 or 403 to any other. It must check the
// signature and no more: the tokens shown are about no user that exists. The
// token comes from the caller, lives for minutes and is never repeated in an
// error or a detail.
//
// Everything else is no answer: a redirect (to a sign-in page, say; none is
// followed), 429, an error of the server, no connection.
//
// # What may run twice
//
// Everything: asking changes nothing at the application.
package bearer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
)

// Config of a [Gate]. Zero fields mean the defaults named.
type Config struct {
	URL     string        // https, or http on loopback
	Timeout time.Duration // of one request, default 10 s
	HTTP    *http.Client  // copied; default: the zero http.Client
}

// Gate asks one address. It may be used by several goroutines.
type Gate struct{ client *rest.Client }

// New checks the configuration and asks nothing.
func New(c Config) (*Gate, error) {
	if c.Timeout < 0 {
		return nil, errors.New("gate: the timeout must not be negative")
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	client, err := rest.New(rest.Config{Base: c.URL, HTTP: c.HTTP, Timeout: c.Timeout, Stay: true})
	if err != nil {
		return nil, fmt.Errorf("gate: %w", err)
	}
	return &Gate{client}, nil
}

// welcome are the statuses of an open gate.
var welcome = []int{http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent}

// Admit shows the token once, as a new visitor: a kept connection may lead to
// one and the same instance for ever.
func (g *Gate) Admit(ctx context.Context, token secret.Value) deploy.Entrance {
	answer, err := g.client.Do(ctx, rest.Call{Op: "showing a token to the application", OK: welcome, Sign: func(r *http.Request, _ []byte) {
		r.Header.Set("Authorization", "Bearer "+token.Reveal())
		r.Header.Set("Cache-Control", "no-store")
		r.Close = true
	}}, nil)
	said := fmt.Sprintf("it answered %d", answer.Status)
	switch {
	case err == nil:
		return deploy.Entrance{Admission: deploy.Admitted, Detail: said}
	case answer.Status == http.StatusUnauthorized, answer.Status == http.StatusForbidden:
		return deploy.Entrance{Admission: deploy.TurnedAway, Detail: said}
	case answer.Status != 0:
		return deploy.Entrance{Admission: deploy.NotTold, Detail: said}
	case fault.Is(err, fault.TimedOut), fault.Is(err, fault.Interrupted):
		return deploy.Entrance{Admission: deploy.NotTold, Detail: "it did not answer in time"}
	default:
		return deploy.Entrance{Admission: deploy.NotTold, Detail: "it could not be reached"}
	}
}
