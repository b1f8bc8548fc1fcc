-- How many of a campaign's messages a provider may refuse for their content before it pauses itself.

alter table organizations
    add column stop_content_refused integer not null default 2000,
    add constraint stop_content_share_is_in_ten_thousandths check (stop_content_refused between 1 and 10000);
comment on column organizations.stop_content_refused is
    'A campaign pauses when so many ten-thousandths of its last 50 messages were refused for one cause in their content; 10000: never.';
