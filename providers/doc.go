// Package providers is the contract for services that issue credentials.
//
// # The model
//
// A [Provider] looks first: Survey reads, without writing, what the service
// really offers for the credential that is in use, and returns a [Kind]: a
// value of the concrete type found. What can be done is what that type has
// methods for: [Issuer], [PlacedIssuer], [Guide], [Lister], [Prober], [Ender],
// [Disabler], [Usage], [Auditor], [Disguiser], [Tailer], [Recaller], [Current], [Importer],
// [Activator], [Minter], [Clearer], [Blocker], [Forcer], [Parent].
// A service with a one-key plan returns another type than the same service
// with overlap, so an impossible act does not compile into a plan. The shape
// says which methods must be there:
//
//	overlap       Issuer, Lister, Prober, Ender
//	grace         Issuer, Current, Prober
//	cutover       Issuer, Current, Prober; its Provider is a Continuer
//	deploy-first  Importer, Activator, Minter, Lister, Prober, Ender
//
// Where a service has no way to make a credential but its console, a [Guide]
// stands in the place of the Issuer: a person makes it and hands it over. Where
// nothing but the console ends one, an [EndGuide] stands in the place of the
// Ender; what proves the end is then the probe, and a list where there is one. Where
// each environment is an account of its own, a [PlacedIssuer] does: it must be
// told for which one. Where Rekey makes the material itself, an [Importer] does,
// and an [Activator] decides from when on the service works with it.
//
// # Where issuing kills
//
// In the shapes grace and cutover the old credential dies by the making of the
// new one: after a time, or at once. People approve before it, and it must
// never happen twice. So what settles a lost answer is [Current]: the value that
// the service holds now is read back and held against the old one. Where a
// person makes the credential, the person and the inbox settle it, and there is
// no Current. From then until the vault holds the new value it holds a dead one,
// which a survey would not know: after a restart the kind is built again by a
// [Continuer], from its own traits. Waits.Grace is how long the old one lives
// after a graceful issue, Waits.Margin how long before its death production has
// to be proved on the new one, Waits.ProbeAfter how long after it the old one is
// probed. In a cutover ProbeEvery and ProbeFor bound how often a dead credential
// is shown to its service.
//
// # Where made and ended are not the same
//
// Traits.Moves says that an application leaves one kind for another: people
// make credentials of the new kind, List and End are about the old one. In the
// middle of such a rotation the vault holds either, and a [Continuer] goes on.
// What is ended may live on for Waits.Grace; Waits.ProbeFirst waits for that.
//
// Package providertest holds every adapter to this page.
//
// # What may run twice
//
// Survey, Continue, Current, List, Probe, Guide, Inspect, LastUsed and Uses only read. Issue and IssueIn
// make a new live credential each time and must never be repeated blindly: after a lost
// answer ([rekey/internal/fault.Lost]) the caller lists by label first, or recalls
// what has appeared since where the service takes no label. End,
// Disable and Enable take an explicit id and may be repeated with the same id.
// An adapter never repeats a call by itself.
//
// # Errors
//
// Every error of an adapter is a [rekey/internal/fault.Error] that says what
// was being done; a response body is never quoted. Where a credential is refused it
// says which, and what that needs ([rekey/internal/fault.Explained]): adapters ask
// with admin credentials and with the application's, and people must know which to
// mend. A value that the service showed once lives in memory only.
//
// # Concurrency
//
// Providers and kinds may be used by several goroutines.
//
// # How to add a service
//
// Below is the whole adapter of a service that exists nowhere, Tiny, and the test
// that holds it to the contract; a test of this package cuts both out of this page,
// builds them and runs them. Copy them into a folder of their own and change what is
// different at your service.
//
// First write down, from the vendor's documentation and a try by hand: what a value
// looks like and which part of it is public; who may make, list and delete values;
// whether two live side by side; what a dead one is answered, and how long that may
// take. The answers are the shape and the waits. They go into the comment of the package,
// with their sources.
//
// 1. The configuration. Nothing is constant but the form of things: the address, the
// admin credential, which is read before each use, the names of the variables and the
// waits all come from outside. New makes no call.
//
//	package tiny
//
//	import (
//		"context"
//		"fmt"
//		"net/http"
//		"net/url"
//		"regexp"
//		"slices"
//		"strconv"
//		"time"
//
//		"rekey/internal/fault"
//		"rekey/internal/rest"
//		"rekey/internal/secret"
//		"rekey/providers"
//	)
//
//	// Config of a [Provider].
//	type Config struct {
//		BaseURL  string
//		AdminKey func(context.Context) (secret.Value, error) // read before each use
//		Variable string
//		HTTP     *http.Client
//		Waits    providers.Waits
//	}
//
//	// Provider is Tiny seen through one admin key.
//	type Provider struct {
//		config Config
//		api    *rest.Client
//	}
//
//	// New checks the configuration and makes no call.
//	func New(c Config) (*Provider, error) {
//		api, err := rest.New(rest.Config{Base: c.BaseURL, HTTP: c.HTTP})
//		if err != nil {
//			return nil, fmt.Errorf("configuring Tiny: %w", err)
//		}
//		return &Provider{c, api}, nil
//	}
//
// 2. The survey reads only. It finds the credential of every environment at the
// service itself, or fails with a sentence for people: two candidates and none are no
// answer. It returns the kind it found; a service with two kinds has two types.
//
//	// Survey looks for every environment's key in the service's own list.
//	func (p *Provider) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
//		const op = "looking at the keys of Tiny"
//		k := &key{p}
//		listed, err := k.List(ctx)
//		if err != nil {
//			return nil, err
//		}
//		if len(current) == 0 {
//			return nil, fault.New(op, fault.NotFound, "no environment holds a key")
//		}
//		for env, values := range current {
//			id, err := k.Identify(values)
//			if err != nil {
//				return nil, err
//			}
//			if !slices.ContainsFunc(listed, func(c providers.Credential) bool { return c.ID == id }) {
//				return nil, fault.New(op, fault.NotFound, fmt.Sprintf("key %s of %s is not in the account", id, env))
//			}
//		}
//		return k, nil
//	}
//
// 3. The kind: its traits, the pauses among them, and its identity, which asks nobody.
// Errors name variables, never values.
//
//	// key is the one kind there is.
//	type key struct{ p *Provider }
//
//	func (k *key) Traits() providers.Traits {
//		return providers.Traits{
//			Kind: "Tiny key", Service: "Tiny", Shape: providers.Overlap, PublicID: true, FreeProbe: true,
//			EndIs: "deleted at once; Tiny cannot undo it", Waits: k.p.config.Waits,
//		}
//	}
//
//	var form = regexp.MustCompile(`^tiny_([a-z0-9]{4,12})_[A-Za-z0-9]{16,64}$`)
//
//	func (k *key) Identify(v providers.Values) (providers.ID, error) {
//		m := form.FindStringSubmatch(v[k.p.config.Variable].Reveal())
//		if m == nil || len(v) != 1 {
//			return "", fault.New("identifying a key of Tiny", fault.Ambiguous, k.p.config.Variable+" has not its form")
//		}
//		return providers.ID(m[1]), nil
//	}
//
// 4. Issuing and listing. A creation is sent once; an answer without a usable value
// is a lost one, because the credential lives and its value is gone. Whatever is not a whole
// list is an error: "absent" must mean absent. Where people make the values, there is
// a Guide instead.
//
//	type wireKey struct {
//		ID    providers.ID `json:"id"`
//		Name  string       `json:"name"`
//		Value secret.Value `json:"value"` // in the answer to its creation only
//	}
//
//	func (k *key) Issue(ctx context.Context, label string) (providers.Credential, error) {
//		call := rest.Call{Op: "creating a key at Tiny", Method: "POST", Path: "/keys", Body: map[string]string{"name": label}, Write: true, OK: []int{201}}
//		var made wireKey
//		if _, err := k.p.asAdmin(ctx, call, &made); err != nil {
//			return providers.Credential{}, err
//		}
//		values := providers.Values{k.p.config.Variable: made.Value}
//		if id, err := k.Identify(values); err != nil || id != made.ID {
//			return providers.Credential{}, &fault.Error{Op: call.Op, Class: fault.Lost, Reason: fault.Garbled, Detail: "the value is not that of the id"}
//		}
//		return providers.Credential{ID: made.ID, Label: label, Values: values, Made: time.Now().UTC()}, nil
//	}
//
//	func (k *key) List(ctx context.Context) ([]providers.Credential, error) {
//		var page struct{ Keys *[]wireKey }
//		call := rest.Call{Op: "listing keys at Tiny", Path: "/keys"}
//		if _, err := k.p.asAdmin(ctx, call, &page); err != nil {
//			return nil, err
//		}
//		if page.Keys == nil {
//			return nil, fault.New(call.Op, fault.Garbled, "the answer has no member keys")
//		}
//		var all []providers.Credential
//		for _, w := range *page.Keys {
//			all = append(all, providers.Credential{ID: w.ID, Label: w.Name})
//		}
//		return all, nil
//	}
//
// 5. Probing and ending. Only what the service itself says about the value is alive
// or refused, everything else is unclear. Ending takes an explicit id and may be repeated.
//
//	func (k *key) Probe(ctx context.Context, v providers.Values) (providers.Finding, error) {
//		if _, err := k.Identify(v); err != nil {
//			return providers.Finding{}, err
//		}
//		var me struct{ ID providers.ID }
//		answer, err := k.p.api.Do(ctx, rest.Call{Op: "probing a key at Tiny", Path: "/whoami", Sign: bearer(v[k.p.config.Variable])}, &me)
//		found := providers.Finding{Liveness: providers.Unclear, Answer: strconv.Itoa(answer.Status)}
//		switch {
//		case err == nil && me.ID != "":
//			found.Liveness = providers.Alive
//		case answer.Status == http.StatusUnauthorized:
//			found.Liveness = providers.Refused
//		}
//		return found, nil
//	}
//
//	func (k *key) End(ctx context.Context, id providers.ID) error {
//		const op = "deleting a key at Tiny"
//		if id == "" {
//			return &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is no id"}
//		}
//		_, err := k.p.asAdmin(ctx, rest.Call{Op: op, Method: "DELETE", Path: "/keys/" + url.PathEscape(string(id)), Write: true, OK: []int{204}}, nil)
//		return err
//	}
//
//	func (p *Provider) asAdmin(ctx context.Context, call rest.Call, out any) (rest.Answer, error) {
//		admin, err := p.config.AdminKey(ctx)
//		if err != nil {
//			return rest.Answer{}, fmt.Errorf("%s: %w", call.Op, err)
//		}
//		call.Sign = bearer(admin)
//		answer, err := p.api.Do(ctx, call, out)
//		return answer, fault.Explained(err, "the admin key was refused: it was deleted, or may not manage keys", fault.Unauthorized, fault.Forbidden)
//	}
//
//	func bearer(v secret.Value) func(*http.Request, []byte) {
//		return func(r *http.Request, _ []byte) { r.Header.Set("Authorization", "Bearer "+v.Reveal()) }
//	}
//
// 6. The contract. The server behaves as the vendor documents; providertest puts
// every fault of the wire in front of it. To it come a test for each trap of the
// service, and one with the vendor's own description of its API where there is one.
//
//	package tiny
//
//	import (
//		"context"
//		"encoding/json"
//		"fmt"
//		"net/http"
//		"net/http/httptest"
//		"slices"
//		"strings"
//		"sync"
//		"testing"
//
//		"rekey/internal/secret"
//		"rekey/providers"
//		"rekey/providers/providertest"
//	)
//
//	// server behaves as Tiny documents.
//	type server struct {
//		mu   sync.Mutex
//		live map[string]string // names by value
//		ever []secret.Value
//	}
//
//	func (s *server) make(name string) (id, value string) {
//		id = fmt.Sprintf("id%04d", len(s.ever))
//		value = "tiny_" + id + "_" + strings.Repeat(string(rune('p'+len(s.ever))), 24)
//		s.live[value], s.ever = name, append(s.ever, secret.New(value))
//		return id, value
//	}
//
//	func (s *server) issued() []secret.Value {
//		s.mu.Lock()
//		defer s.mu.Unlock()
//		return slices.Clone(s.ever)
//	}
//
//	func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
//		s.mu.Lock()
//		defer s.mu.Unlock()
//		who := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
//		name, known := s.live[who]
//		var body any
//		status := http.StatusOK
//		switch {
//		case !known || r.URL.Path != "/whoami" && name != "admin":
//			status = http.StatusUnauthorized
//		case r.URL.Path == "/whoami":
//			body = map[string]string{"id": strings.Split(who, "_")[1]}
//		case r.Method == "POST":
//			var asked struct{ Name string }
//			_ = json.NewDecoder(r.Body).Decode(&asked)
//			id, value := s.make(asked.Name)
//			status, body = http.StatusCreated, map[string]string{"id": id, "value": value, "name": asked.Name}
//		case r.Method == "DELETE":
//			for value := range s.live {
//				if strings.Split(value, "_")[1] == strings.TrimPrefix(r.URL.Path, "/keys/") {
//					delete(s.live, value)
//				}
//			}
//			status = http.StatusNoContent
//		default:
//			keys := []map[string]string{}
//			for value, name := range s.live {
//				keys = append(keys, map[string]string{"id": strings.Split(value, "_")[1], "name": name})
//			}
//			body = map[string]any{"keys": keys}
//		}
//		w.WriteHeader(status)
//		if body != nil {
//			_ = json.NewEncoder(w).Encode(body)
//		}
//	}
//
//	func TestTiny(t *testing.T) {
//		providertest.Run(t, providertest.Subject{Open: func(t testing.TB) providertest.World {
//			s := &server{live: map[string]string{}}
//			_, admin := s.make("admin")
//			_, value := s.make("the application's")
//			faults := providertest.Before(s)
//			local := httptest.NewServer(faults)
//			t.Cleanup(local.Close)
//			p, err := New(Config{
//				BaseURL: local.URL, Variable: "TINY_KEY", Waits: providers.Waits{ProbeEvery: 1, ProbeFor: 1},
//				AdminKey: func(context.Context) (secret.Value, error) { return secret.New(admin), nil },
//			})
//			if err != nil {
//				t.Fatal(err)
//			}
//			named := func(v string) providers.Values { return providers.Values{"TINY_KEY": secret.New(v)} }
//			return providertest.World{
//				Provider: p, Current: map[string]providers.Values{"production": named(value)},
//				Unknown: named("tiny_nobody_" + strings.Repeat("n", 24)), Malformed: []providers.Values{named("tiny"), {}},
//				Secrets: s.issued, Faults: faults,
//			}
//		}})
//	}
//
// 7. The rest of the house: profiles for docs/providers.md, a line in the tables of
// services (bot/services.go) and in the
// catalogue (rotation/catalogue.go) and, if it takes settings of its own, in bot/config.
// Then the service in the sandbox (internal/sandbox), its ledger for the
// demonstration (bot/demo_ledger.go), and a rotation from end to end in bot.
package providers
