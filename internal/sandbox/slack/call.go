package slack

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"rekey/internal/sandbox/wire"
)

// Refusal is an answer with ok false.
type Refusal struct {
	Code     string   // Slack's error code
	Messages []string // response_metadata.messages
	Needed   string   // the scope missing
	Provided string   // the scopes there are, comma separated
}

// Error is Slack's code.
func (r *Refusal) Error() string { return r.Code }

func refuse(code string) error { return &Refusal{Code: code} }

func (r *Refusal) body() fields {
	out := fields{"ok": false, "error": r.Code}
	if len(r.Messages) > 0 {
		out["response_metadata"] = fields{"messages": r.Messages}
	}
	if r.Needed != "" {
		out["needed"], out["provided"] = r.Needed, r.Provided
	}
	return out
}

// fields is a JSON object of an answer or a payload.
type fields map[string]any

// call is one Web API request, its arguments in one form whatever form they
// came in.
type call struct {
	url.Values
	token  string // wherever it was
	bearer bool   // it was in the Authorization header
	host   string
}

// serveMethod answers /api/<method>.
func (s *Server) serveMethod(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("method")
	c, err := parseCall(r)
	if err == nil {
		var out fields
		out, err = s.run(name, c)
		if err == nil {
			out["ok"] = true
			w.Header().Set("X-OAuth-Scopes", s.scopes())
			wire.JSON(w, http.StatusOK, out)
			return
		}
	}
	if limited, ok := errors.AsType[*tooFast](err); ok {
		wire.TooMany(limited.after, `{"ok":false,"error":"ratelimited"}`)(wire.Turn{W: w, R: r})
		return
	}
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok {
		refusal = &Refusal{Code: "fatal_error"} // unreachable: methods return refusals only
	}
	s.cfg.Log.Debug("refused", "method", name, "error", refusal.Code)
	wire.JSON(w, http.StatusOK, refusal.body())
}

// run checks what is the same for every method and then carries it out.
func (s *Server) run(name string, c call) (fields, error) {
	m, ok := methods[name]
	if !ok {
		return nil, refuse("unknown_method")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.authorizeLocked(m, c); err != nil {
		return nil, err
	}
	if err := s.paceLocked(name, m, c); err != nil {
		return nil, err
	}
	if err := s.scopeLocked(m.scope); err != nil {
		return nil, err
	}
	return m.run(s, c)
}

// authorizeLocked checks the token and its kind. The app-level token is taken
// from the header only: https://docs.slack.dev/reference/methods/apps.connections.open
func (s *Server) authorizeLocked(m method, c call) error {
	known := c.token == s.cfg.BotToken || c.token == s.cfg.AppToken
	switch {
	case c.token == "" || m.app && !c.bearer:
		return refuse("not_authed")
	case !known:
		return refuse("invalid_auth")
	case s.revoked:
		return refuse("token_revoked")
	case m.app != (c.token == s.cfg.AppToken):
		return refuse("not_allowed_token_type")
	}
	return nil
}

// SetScopes changes what the bot token is allowed, as another installation of
// the app does.
func (s *Server) SetScopes(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Scopes = scopes
}

func (s *Server) scopes() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.cfg.Scopes, ",")
}

func (s *Server) scopeLocked(needed string) error {
	if needed == "" {
		return nil
	}
	for _, have := range s.cfg.Scopes {
		if have == needed {
			return nil
		}
	}
	return &Refusal{Code: "missing_scope", Needed: needed, Provided: strings.Join(s.cfg.Scopes, ",")}
}

// parseCall reads arguments from query, form or JSON and the token from
// wherever it is.
func parseCall(r *http.Request) (call, error) {
	c := call{Values: r.URL.Query(), host: r.Host}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return c, refuse("request_timeout")
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		err = c.addJSON(body)
	} else {
		err = c.addForm(body)
	}
	c.token = c.Get("token")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		c.token, c.bearer = bearer, true
	}
	return c, err
}

func (c call) addForm(body []byte) error {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return refuse("invalid_form_data")
	}
	for k, v := range form {
		c.Values[k] = v
	}
	return nil
}

// addJSON turns members into arguments: strings as they are, others as JSON,
// which is how a form carries them.
func (c call) addJSON(body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 || string(bytes.TrimSpace(body)) == "null" {
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		if json.Valid(body) {
			return refuse("json_not_object")
		}
		return refuse("invalid_json")
	}
	for k, raw := range members {
		var text string
		switch {
		case string(raw) == "null":
		case json.Unmarshal(raw, &text) == nil:
			c.Set(k, text)
		default:
			c.Set(k, string(raw))
		}
	}
	return nil
}

func (c call) flag(name string) bool {
	v := c.Get(name)
	return v == "true" || v == "1"
}
