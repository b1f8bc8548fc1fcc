-- One percentage of its own pace for a number, however many causes there are to slow it: what the provider said of its speed,
-- how people take what it sends, what its last check warned of, and that few of its messages arrive. The claim, the sender's
-- picture and the screens all read this.

-- p_throttle: what is left of a throttle, 100 for none. Complaints halve or quarter that, a warning halves it where nobody
-- complains, silence halves it once more; a twentieth always stays.
create function number_percent(p_throttle integer, p_quality text, p_health text, p_is_silent boolean) returns integer
    language sql immutable parallel safe
    return greatest(5, least(100, p_throttle)
                       * case when p_quality = 'red' then 25
                              when p_quality = 'yellow' or p_health = 'limited' then 50
                              else 100 end / 100
                       / case when p_is_silent then 2 else 1 end);
comment on function number_percent is 'At how many percent of its own pace a number goes.';
