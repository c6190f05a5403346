package supabase

import (
	"encoding/base64"
	"net/http"
	"slices"
	"time"

	"rekey/internal/sandbox/wire"
)

// The statuses of a signing key.
const (
	Standby = "standby"
	InUse   = "in_use"
	Former  = "previously_used"
	Revoked = "revoked"
)

// Signer is a signing key of a project.
type Signer struct {
	ID        string
	Project   string
	Algorithm string // "HS256", or "ES256" for one whose secret nobody has
	Status    string
	Secret    string // what it signs with: the bytes of this text
	Legacy    bool   // it was the project's legacy secret
	Imported  bool   // over the API
	Used      bool   // it was in use at some time, and so stays trusted as standby
	Created   time.Time
	Updated   time.Time
}

// Trusted reports whether tokens of the key are accepted.
func (k Signer) Trusted() bool {
	return k.Status == InUse || k.Status == Former || k.Status == Standby && k.Used
}

// LegacySecret is what a project signed with before it moved to signing keys.
func (s *Server) LegacySecret(ref string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.projects[ref].signing
}

// Migrate moves a project to signing keys, as a person does in the dashboard:
// the legacy secret becomes the first key in use. It cannot be undone.
func (s *Server) Migrate(ref string) Signer {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, now := s.projects[ref], time.Now()
	if len(p.signers) == 0 {
		p.signers = []*Signer{{ID: uuid(), Project: ref, Algorithm: "HS256", Status: InUse, Secret: p.signing, Legacy: true, Used: true, Created: now, Updated: now}}
	}
	return *p.signers[0]
}

// AddSigner makes a signing key as a person does in the dashboard, with a status
// of one's choice.
func (s *Server) AddSigner(ref, algorithm, status string) Signer {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	k := &Signer{ID: uuid(), Project: ref, Algorithm: algorithm, Status: status, Secret: random(32), Used: status != Standby, Created: now, Updated: now}
	s.projects[ref].signers = append(s.projects[ref].signers, k)
	return *k
}

// SetSigner gives a key another status, whatever the rules say. It reports
// whether there is one of that id.
func (s *Server) SetSigner(id, status string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.projects {
		for _, k := range p.signers {
			if k.ID == id {
				k.Status, k.Updated = status, time.Now()
				return true
			}
		}
	}
	return false
}

// Signers lists the signing keys of all projects, revoked ones included.
func (s *Server) Signers() []Signer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Signer
	for _, p := range s.projects {
		for _, k := range p.signers {
			all = append(all, *k)
		}
	}
	slices.SortFunc(all, func(a, b Signer) int { return a.Created.Compare(b.Created) })
	return all
}

// SwitchLegacy turns a project's legacy API keys off or on, as a person does in
// the dashboard.
func (s *Server) SwitchLegacy(ref string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.projects[ref].legacy = on
}

// uuid is random, in the form of a version 4.
func uuid() string {
	return random(4) + "-" + random(2) + "-4" + random(2)[1:] + "-8" + random(2)[1:] + "-" + random(6)
}

// form is a key as the API shows it: never with what it signs with.
func (k Signer) form() map[string]any {
	return map[string]any{
		"id": k.ID, "algorithm": k.Algorithm, "status": k.Status, "public_jwk": nil,
		"created_at": k.Created.UTC().Format(time.RFC3339Nano), "updated_at": k.Updated.UTC().Format(time.RFC3339Nano),
	}
}

func (s *Server) signersOf(ref string) []Signer {
	return slices.DeleteFunc(s.Signers(), func(k Signer) bool { return k.Project != ref })
}

func (s *Server) listSigners(w http.ResponseWriter, _ *http.Request, ref string) {
	all := []any{}
	for _, k := range s.signersOf(ref) {
		all = append(all, k.form())
	}
	wire.JSON(w, http.StatusOK, map[string]any{"keys": all})
}

// getSigner also answers for "legacy".
func (s *Server) getSigner(w http.ResponseWriter, r *http.Request, ref string) {
	id := r.PathValue("id")
	for _, k := range s.signersOf(ref) {
		if k.ID == id || id == "legacy" && k.Legacy {
			wire.JSON(w, http.StatusOK, k.form())
			return
		}
	}
	refuse(w, http.StatusNotFound, "Signing key not found")
}

// migrate is the one-way step.
func (s *Server) migrate(w http.ResponseWriter, _ *http.Request, ref string) {
	k := s.Migrate(ref)
	s.wrote(Write{Act: Migrated, KeyID: ref})
	wire.JSON(w, http.StatusCreated, k.form())
}

// importSigner takes a secret of somebody's own as the standby key.
func (s *Server) importSigner(w http.ResponseWriter, r *http.Request, ref string) {
	var q struct {
		Algorithm, Status string
		Key               struct{ Kty, K, Kid string } `json:"private_jwk"`
	}
	err := wire.ReadJSON(r, &q)
	text, odd := base64.RawURLEncoding.DecodeString(q.Key.K)
	if err != nil || odd != nil || q.Algorithm != "HS256" || q.Key.Kty != "oct" || len(text) < 16 || q.Status != Standby {
		refuse(w, http.StatusBadRequest, "private_jwk: invalid key")
		return
	}
	all := s.signersOf(ref)
	if slices.ContainsFunc(all, func(k Signer) bool { return k.ID == q.Key.Kid || k.Status == Standby }) {
		refuse(w, http.StatusBadRequest, "A standby key exists already")
		return
	}
	if q.Key.Kid == "" {
		q.Key.Kid = uuid()
	}
	now := time.Now()
	k := &Signer{ID: q.Key.Kid, Project: ref, Algorithm: "HS256", Status: Standby, Secret: string(text), Imported: true, Created: now, Updated: now}
	if !s.changes(w, ref, func(p *project) { p.signers = append(p.signers, k) }) {
		return
	}
	s.wrote(Write{Act: ImportedKey, KeyID: k.ID})
	wire.JSON(w, http.StatusCreated, k.form())
}

// setSigner changes a key's status, where that may follow on the one it has:
// what signs next was standby before, and what is revoked was previously used
// (https://supabase.com/docs/guides/auth/signing-keys).
func (s *Server) setSigner(w http.ResponseWriter, r *http.Request, ref string) {
	var q struct{ Status string }
	_ = wire.ReadJSON(r, &q) // what cannot be read is no status
	all := s.signersOf(ref)
	at := slices.IndexFunc(all, func(k Signer) bool { return k.ID == r.PathValue("id") })
	if at < 0 {
		refuse(w, http.StatusNotFound, "Signing key not found")
		return
	}
	k := all[at]
	follows := map[string][]string{Standby: {InUse, Former}, InUse: nil, Former: {Standby, Revoked}, Revoked: {Standby}}[k.Status]
	switch {
	case !slices.Contains(follows, q.Status):
		refuse(w, http.StatusBadRequest, "status: cannot become "+q.Status+" from "+k.Status)
		return
	case q.Status == Revoked && k.Legacy && s.LegacyOn(ref):
		refuse(w, http.StatusBadRequest, "Legacy API keys are signed with this key: disable them first")
		return
	}
	if !s.changes(w, ref, func(p *project) { p.set(k.ID, q.Status) }) {
		return
	}
	s.wrote(Write{Act: map[string]Act{InUse: Activated, Revoked: RevokedKey, Standby: StandBy, Former: Retired}[q.Status], KeyID: k.ID})
	k.Status = q.Status
	wire.JSON(w, http.StatusOK, k.form())
}

// set gives a key a status; of those in use there is one.
func (p *project) set(id, status string) {
	now := time.Now()
	for _, k := range p.signers {
		switch {
		case k.ID == id:
			k.Status, k.Updated, k.Used = status, now, k.Used || status == InUse
		case status == InUse && k.Status == InUse:
			k.Status, k.Updated = Former, now
		}
	}
}

// changes makes a change to a project's keys, unless the last one is too short
// a time ago.
func (s *Server) changes(w http.ResponseWriter, ref string, change func(*project)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[ref]
	if until := p.changed.Add(s.o.Throttle); time.Now().Before(until) {
		refuse(w, http.StatusBadRequest, "Please wait until "+until.UTC().Format(time.RFC3339Nano)+" before attempting this request again.")
		return false
	}
	p.changed = time.Now()
	change(p)
	return true
}

// removeSigner deletes a key for good, which only a revoked one can be.
func (s *Server) removeSigner(w http.ResponseWriter, r *http.Request, ref string) {
	all := s.signersOf(ref)
	at := slices.IndexFunc(all, func(k Signer) bool { return k.ID == r.PathValue("id") })
	switch {
	case at < 0:
		refuse(w, http.StatusNotFound, "Signing key not found")
		return
	case all[at].Status != Revoked || all[at].Legacy:
		refuse(w, http.StatusBadRequest, "Only revoked keys can be deleted")
		return
	}
	s.mu.Lock()
	p := s.projects[ref]
	p.signers = slices.DeleteFunc(p.signers, func(k *Signer) bool { return k.ID == all[at].ID })
	s.mu.Unlock()
	s.wrote(Write{Act: Destroyed, KeyID: all[at].ID})
	wire.JSON(w, http.StatusOK, all[at].form())
}

func (s *Server) authConfig(w http.ResponseWriter, _ *http.Request, _ string) {
	wire.JSON(w, http.StatusOK, map[string]any{
		"jwt_exp": int(s.o.TokenLife.Seconds()), "refresh_token_rotation_enabled": true, "security_refresh_token_reuse_interval": 10,
		"sessions_inactivity_timeout": 0, "sessions_single_per_user": false, "sessions_timebox": 0,
	})
}
