package upstash

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// said is what a database's REST API answered.
type said struct {
	status int    // 0 when no answer came
	result string // "" when there is none
	refused,
	denied, // who asks is known, and may not do this
	foreign bool // it does not know the command there
	err error // why there is no result
}

// between is a refusal in words that are not the database's.
const between = "not in the database's own words: something before it, such as a proxy, may have answered, and nothing is told about the token"

// ask sends one command to a database's REST API as the bearer of a token.
func (d *database) ask(ctx context.Context, op string, bearer secret.Value, command string) said {
	var good struct {
		Result *string `json:"result"`
	}
	var bad struct {
		Error string `json:"error"`
	}
	answer, err := d.api.Do(ctx, rest.Call{Op: op, Path: command, Sign: borne(bearer), Refusal: &bad}, &good)
	s := said{status: answer.Status, err: err}
	no := refusedWith(bad.Error)
	switch {
	case err == nil && good.Result != nil:
		s.result = *good.Result
	case err == nil:
		s.err = fault.New(op, fault.Garbled, "the answer has no result")
	default:
		s.refused = s.status == http.StatusUnauthorized && no.word == wrongPass
		s.denied, s.foreign = no.word == noPerm, no.foreign
		s.err = fault.Explained(err, between, fault.Unauthorized, fault.Forbidden)
	}
	return s
}

func borne(v secret.Value) func(*http.Request, []byte) {
	return func(r *http.Request, _ []byte) { r.Header.Set("Authorization", "Bearer "+v.Reveal()) }
}

// finding judges the answer to a PING.
func (s said) finding() providers.Finding {
	f := providers.Finding{Liveness: providers.Unclear, Answer: strconv.Itoa(s.status)}
	switch {
	case s.result == "PONG":
		f.Liveness = providers.Alive
	case s.denied:
		f.Liveness, f.Answer = providers.Alive, f.Answer+", known and without the right to PING"
	case s.refused:
		f.Liveness = providers.Refused
	case s.status == 0:
		f.Answer = words(s.err)
	case s.status == http.StatusUnauthorized, s.err == nil:
		f.Answer += ", not the database's own answer"
	default:
		f.Answer += ", " + words(s.err)
	}
	return f
}

func words(err error) string { return strings.ReplaceAll(string(fault.Of(err).Reason), "_", " ") }

// probe asks one database about everything that the variables carry. Each must
// live, or each be refused; anything between tells nothing.
func (p *Provider) probe(ctx context.Context, op string, d *database, o own, who string) providers.Finding {
	return together(p.parts(ctx, op, d, o, who))
}

func (p *Provider) parts(ctx context.Context, op string, d *database, o own, who string) []providers.Finding {
	all := []providers.Finding{d.ask(ctx, op, o.token, "/ping").finding()}
	if !o.readOnly.IsZero() {
		all = append(all, d.ask(ctx, op, o.readOnly, "/ping").finding())
	}
	if !o.password.IsZero() {
		all = append(all, p.knock(ctx, op, d, who, o.password))
	}
	return all
}

// knock logs in over the Redis protocol.
func (p *Provider) knock(ctx context.Context, op string, d *database, who string, v secret.Value) providers.Finding {
	l, hangUp, err := p.dial(ctx, op, d)
	if err == nil {
		defer hangUp()
		err = l.login(ctx, op, who, v)
	}
	switch {
	case err == nil:
		return providers.Finding{Liveness: providers.Alive, Answer: "OK"}
	case fault.Is(err, fault.Unauthorized):
		return providers.Finding{Liveness: providers.Refused, Answer: wrongPass}
	default:
		return providers.Finding{Liveness: providers.Unclear, Answer: words(err) + " (Redis protocol)"}
	}
}

// together is what the answers about several parts come to.
func together(all []providers.Finding) providers.Finding {
	found := all[0]
	for _, next := range all[1:] {
		if next.Liveness == found.Liveness {
			continue
		}
		if found.Liveness == providers.Alive {
			found.Answer = next.Answer
		}
		found.Liveness = providers.Unclear
	}
	return found
}

// anywhere probes a credential of which it is not known whose it is: it lives
// where one database accepts it, and is dead when all refuse.
func (p *Provider) anywhere(ctx context.Context, op string, all []*database, o own, who string) providers.Finding {
	var last providers.Finding
	for _, d := range all {
		found := p.probe(ctx, op, d, o, who)
		switch {
		case found.Liveness == providers.Alive:
			return found
		case last.Answer == "" || found.Liveness == providers.Unclear:
			last = found
		}
	}
	return last
}
