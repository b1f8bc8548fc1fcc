-- What numbers cost, told by operators: providers bill by plan and country, and none says it over its API.

alter table whatsapp_numbers
    add column monthly_cost  bigint,
    add column cost_currency text,
    add constraint cost_has_a_currency check ((monthly_cost is null) = (cost_currency is null)),
    add constraint monthly_cost_is_not_negative check (monthly_cost between 0 and 100000000000),
    add constraint currency_is_three_letters check (cost_currency ~ '^[A-Z]{3}$');
comment on column whatsapp_numbers.monthly_cost is 'In hundredths of its currency.';
