-- What people say of messages counts at once, also while an import holds their contact: only the contact is told later.

create table consents_to_settle (
    organization_id uuid not null
        constraint consent_to_settle_belongs_to_an_organization references organizations (id) on delete cascade,
    phone           e164 not null,
    consent         boolean not null,
    method          text not null,
    at              timestamptz not null,
    constraint consents_to_settle_key primary key (organization_id, phone)
);
comment on table consents_to_settle is 'Consent that contacts do not show yet, because somebody held them when it was given or taken.';
comment on column consents_to_settle.consent is 'What the person said last; a suppression of the phone is above it.';
comment on column consents_to_settle.at is 'When the person said it: contacts.consent_at.';

-- Writes a person's consent into the contact; one that somebody else is changing is noted, and told by settle_consents. What
-- was noted before is outdone by this.
create function write_consent(p_org uuid, p_phone text, p_consent boolean, p_method text, p_at timestamptz) returns void
    language plpgsql
as $$
begin
    update contacts set consent = p_consent, consent_method = p_method, consent_at = p_at, updated_at = p_at
     where organization_id = p_org
       and id = (select k.id from contacts k where k.organization_id = p_org and k.phone = p_phone
                    for no key update skip locked);
    if found then
        delete from consents_to_settle where organization_id = p_org and phone = p_phone;
    else
        insert into consents_to_settle (organization_id, phone, consent, method, at)
        values (p_org, p_phone, p_consent, p_method, p_at)
        on conflict on constraint consents_to_settle_key do update
           set consent = excluded.consent, method = excluded.method, at = excluded.at;
    end if;
end $$;
comment on function write_consent is 'Writes consent into a contact, now or, while somebody holds it, soon; never waits for the contact.';

-- Tells up to p_most contacts what was noted for them, and answers how many notes are done with. Contacts that are still held
-- keep their notes. A suppression that the person asked for is above a note: of a STOP and a START at one moment the STOP stays.
create function settle_consents(p_org uuid, p_most integer) returns bigint language plpgsql as $$
declare
    v_note   record;
    v_since  timestamptz;
    v_source text;
    v_count  bigint := 0;
begin
    for v_note in
        select n.phone::text as phone, n.consent, n.method, n.at from consents_to_settle n
         where n.organization_id = p_org
           and (not exists (select from contacts k where k.organization_id = p_org and k.phone = n.phone)
                or exists (select from contacts k where k.organization_id = p_org and k.phone = n.phone
                              for no key update skip locked))
         order by n.phone limit p_most for update of n skip locked
    loop
        -- Looked up now that the note is ours: whoever lifts or makes it after that waits to note it.
        select s.since, s.source into v_since, v_source from suppressions s
          where s.organization_id = p_org and s.phone = v_note.phone and s.source <> 'rule';
        update contacts
           set consent = v_note.consent and v_since is null, consent_method = coalesce(v_source, v_note.method),
               consent_at = coalesce(v_since, v_note.at), updated_at = clock_timestamp()
         where organization_id = p_org and phone = v_note.phone;
        delete from consents_to_settle where organization_id = p_org and phone = v_note.phone;
        v_count := v_count + 1;
    end loop;
    return v_count;
end $$;
comment on function settle_consents is 'Tells contacts what people said while somebody held them.';

select separate('consents_to_settle');
